/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs with real threads: see native.h. */
#include "lockcheck/tool/native.h"
#include "lockcheck/tool/child.h"
#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/snapshot.h"
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/text.h"
#include "lockcheck/tool/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 10
#define REPORT_GRACE_NS 3000000000ull /* for a program to end by itself that has reported that it dies */

/* One process of the run that is watched. */
struct member {
    struct watched watched;
    uint32_t shown; /* how often its graph has been printed */
};

/* One run of the program. */
struct run {
    const struct options *options;
    const struct program *program;
    struct evidence_reader *evidence;
    struct lcn_channel *channel;
    int channel_fd, output_fd; /* output_fd: -1 where the program writes to ours */
    pid_t pid;
    uint64_t number, started_ns;
    struct member members[LCN_PROCESSES];
    bool blind; /* it has been said that its processes cannot be looked into */
    struct execution found;
    bool has_found, interrupted;
};

/* ---- starting ---- */

static int open_channel(struct run *run)
{
    run->channel_fd = memfd_create("lockcheck-native", MFD_CLOEXEC);
    if (run->channel_fd < 0 || ftruncate(run->channel_fd, sizeof *run->channel) != 0)
        return -1;
    void *channel = mmap(NULL, sizeof *run->channel, PROT_READ | PROT_WRITE, MAP_SHARED, run->channel_fd, 0);
    if (channel == MAP_FAILED)
        return -1;
    run->channel = channel;
    *run->channel = (struct lcn_channel){.magic = LCN_MAGIC,
                                         .version = LCN_VERSION,
                                         .delays = run->options->verb == VERB_STRESS,
                                         .seed = run->options->seed * 1000003 + run->number,
                                         .clock_ns = now_ns(),
                                         .command_pid = getpid()};
    return 0;
}

/* In the child. */
static int prepare(const void *more)
{
    const struct run *run = more;
    char *path = print_text("/proc/%d/fd/%d", run->channel->command_pid, run->channel_fd);
    setenv(LCN_CHANNEL_ENV, path, 1);
    free(path);
    if (run->output_fd < 0)
        return 0;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool done = null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(run->output_fd, STDOUT_FILENO) >= 0 &&
                dup2(run->output_fd, STDERR_FILENO) >= 0;
    return done ? 0 : -1;
}

static int start(struct run *run, bool captured)
{
    char *library = locate_native();
    run->channel_fd = run->output_fd = -1;
    if (!library) {
        complain("the native library is missing: ../lib/lockcheck/" LCN_LIBRARY
                 " beside the directory of this command");
        return -1;
    }
    if (!child_preloads(library)) {
        free(library);
        return -1;
    }
    int error = open_channel(run) == 0 ? 0 : errno;
    if (!error && captured) {
        run->output_fd = memfd_create("lockcheck-output", MFD_CLOEXEC);
        /* Appending, because both streams write to it. */
        error = run->output_fd < 0 || fcntl(run->output_fd, F_SETFL, O_APPEND) != 0 ? errno : 0;
    }
    run->started_ns = now_ns();
    if (!error)
        error = child_start(&run->pid, &(struct child_program){.path = run->program->path,
                                                               .argv = run->program->argv,
                                                               .preload = library,
                                                               .prepare = prepare,
                                                               .more = run});
    free(library);
    if (error)
        complain("cannot start %s: %s", run->program->path, strerror(error));
    return error ? -1 : 0;
}

/* ---- ending ---- */

/* Ends all that is left of the run: whatever loses its parent becomes a child of this process. */
static void end_run(struct run *run)
{
    children_kill(run->pid);
    run->pid = 0;
    for (uint32_t i = 0; i < LCN_PROCESSES; i++)
        watched_free(&run->members[i].watched);
    if (run->channel)
        munmap(run->channel, sizeof *run->channel);
    if (run->channel_fd >= 0)
        close(run->channel_fd);
    run->channel = NULL;
    run->channel_fd = -1;
}

static void forget_run(struct run *run)
{
    end_run(run);
    if (run->output_fd >= 0)
        close(run->output_fd);
    execution_free(&run->found);
}

static double seconds_of(const struct run *run)
{
    return (double)(now_ns() - run->started_ns) / 1e9;
}

/* How the program ended by itself, when nothing else has been found. */
static void judge_end(struct run *run)
{
    siginfo_t info = {0};
    waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (run->has_found || (info.si_code == CLD_EXITED && info.si_status == 0))
        return;
    bool exited = info.si_code == CLD_EXITED;
    run->found = (struct execution){.ending = ENDING_FINDING};
    snprintf(run->found.kind, sizeof run->found.kind, "%s", exited ? "assertion" : "crash");
    run->found.summary = exited ? print_text("the program ended itself with status %d", info.si_status)
                                : print_text("the program was ended by signal %d (%s)", info.si_status,
                                             strsignal(info.si_status));
    run->has_found = true;
}

/* ---- looking ---- */

static void take(struct run *run, struct member *member, enum snapshot_reason reason)
{
    if (run->has_found)
        return;
    run->has_found =
        snapshot_take(&member->watched, reason, run->started_ns, run->options->timeout, &run->found) == 0;
}

static void let_reporter_go(const struct member *member)
{
    uint32_t taken = LCN_TAKEN;
    struct iovec local = {&taken, sizeof taken},
                 remote = {(void *)(member->watched.record + offsetof(struct lcn_head, report) +
                                    offsetof(struct lcn_report, state)),
                           sizeof taken};
    process_vm_writev(member->watched.pid, &local, 1, &remote, 1, 0);
}

static void print_graph(const struct run *run, const struct options *options, struct execution *execution);

static void show(struct run *run, struct member *member)
{
    struct execution graph;
    if (snapshot_take(&member->watched, SNAPSHOT_GRAPH, run->started_ns, 0, &graph) == 0) {
        progress_clear();
        print_graph(run, run->options, &graph);
    }
    execution_free(&graph);
}

static void look_at(struct run *run, struct member *member, struct lcn_process *process)
{
    struct watched *watched = &member->watched;
    uint64_t record = __atomic_load_n(&process->record, __ATOMIC_ACQUIRE);
    if (watched->pid != process->pid || watched->record != record) {
        watched_free(watched);
        watched_init(watched, process->pid, record);
        member->shown = 0;
    }
    if (watched_look(watched) != 0) {
        if (errno == ESRCH || kill(watched->pid, 0) != 0) {
            __atomic_store_n(&process->record, 0, __ATOMIC_RELAXED);
            process->asked = 0;
            __atomic_store_n(&process->pid, 0, __ATOMIC_RELEASE);
        } else if (errno == EPERM && !run->blind) {
            run->blind = true;
            warn("the kernel does not let this command look into process %d, so deadlocks in it go unseen: "
                 "reading the memory of one's own processes (process_vm_readv) is forbidden here",
                 watched->pid);
        }
        return; /* between fork() and exec(), or at its end, there may be nothing to read */
    }
    if (watched->report.state == LCN_REPORTED) {
        take(run, member, SNAPSHOT_REPORT);
        let_reporter_go(member);
    }
    if (!run->has_found && watched_deadlock(watched))
        take(run, member, SNAPSHOT_DEADLOCK);
    if (!run->has_found && watched_hang(watched))
        take(run, member, SNAPSHOT_HANG);
    uint32_t asked = __atomic_load_n(&process->asked, __ATOMIC_RELAXED);
    if (asked != member->shown) {
        member->shown = asked;
        show(run, member);
    }
}

static void look(struct run *run)
{
    run->channel->clock_ns = now_ns();
    for (uint32_t i = 0; i < LCN_PROCESSES; i++) {
        struct lcn_process *process = &run->channel->processes[i];
        if (process->pid && process->record)
            look_at(run, &run->members[i], process);
    }
}

/* The time is over: describe the program, or what it has become or made. */
static void take_timeout(struct run *run)
{
    for (uint32_t i = 0; i < LCN_PROCESSES && !run->has_found; i++)
        if (run->members[i].watched.pid && run->channel->processes[i].pid)
            take(run, &run->members[i], SNAPSHOT_TIMEOUT);
    if (run->has_found)
        return;
    run->found = (struct execution){
        .ending = ENDING_FINDING,
        .kind = "hang",
        .summary = print_text("the program has not ended after %g s", run->options->timeout)};
    run->has_found = true;
}

/* SIGQUIT to the command alone is meant for the program. From the terminal both get it. */
static volatile sig_atomic_t quit_requests;
static void pass_on_quit(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    if (info->si_code != SI_KERNEL)
        quit_requests++;
}

static void catch_quit(void)
{
    struct sigaction action = {.sa_sigaction = pass_on_quit, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(SIGQUIT, &action, NULL);
}

static void each_look(const struct run *run);

/* Until the program ends or something is found. deadline_ns: of the whole command. */
static void watch(struct run *run, uint64_t deadline_ns)
{
    int pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    sig_atomic_t passed_on = quit_requests;
    while (!run->has_found && !run->interrupted && !child_ended(run->pid) && now_ns() < deadline_ns) {
        look(run);
        if (passed_on != quit_requests) {
            passed_on = quit_requests;
            kill(run->pid, SIGQUIT);
        }
        each_look(run);
        if (interrupted()) {
            run->interrupted = true;
            child_interrupt(run->pid);
        } else if (!run->has_found && seconds_of(run) >= run->options->timeout)
            take_timeout(run);
        else if (!run->has_found)
            poll(&end, 1, LOOK_MS);
    }
    if (pidfd >= 0)
        close(pidfd);
    bool dies = run->has_found &&
                (strcmp(run->found.kind, "crash") == 0 || strcmp(run->found.kind, "assertion") == 0);
    if (dies)
        child_await_end(run->pid, REPORT_GRACE_NS); /* what it has to say on its standard error */
    if (!run->interrupted && child_ended(run->pid))
        judge_end(run);
}

/* ---- results ---- */

/* Of the command: all runs, of which there is one but for stress. */
struct work {
    const struct options *options;
    struct program program;
    struct evidence_reader *evidence;
    struct suppressions suppressions;
    uint64_t *suppressed; /* how many findings each suppression has taken */
    uint64_t started_ns, runs;
};

static struct work *current; /* for the line of progress */

static double work_seconds(const struct work *work)
{
    return (double)(now_ns() - work->started_ns) / 1e9;
}

static void each_look(const struct run *run)
{
    if (run->options->verb != VERB_STRESS || !progress_due())
        return;
    double seconds = work_seconds(current);
    char *left = isfinite(run->options->seconds)
                     ? print_text("%.0f s left", fmax(run->options->seconds - seconds, 0))
                     : print_text("%.0f s", seconds);
    progress_say("%" PRIu64 " run%s, no finding, %s", current->runs, current->runs == 1 ? "" : "s", left);
    free(left);
}

static const char *command_name(const struct options *options)
{
    return options->verb == VERB_STRESS ? "stress" : options->verb == VERB_ATTACH ? "attach" : "run";
}

static void set_head(struct results *results, const struct options *options, const struct program *program,
                     const char *verdict, uint64_t runs, double seconds, bool was_interrupted)
{
    results_set_head(results, &(struct results_head){.command = command_name(options),
                                                     .verdict = verdict,
                                                     .program = program,
                                                     .strategy = "native",
                                                     .seed = options->seed,
                                                     .schedules = runs,
                                                     .seconds = seconds,
                                                     .interrupted = was_interrupted});
    json_object_set_new(results->json, "mode", json_string("native"));
}

static json_t *describe(struct evidence_reader *evidence, struct execution *execution, uint64_t number,
                        uint64_t started_ns, const char *output)
{
    execution->schedule = number;
    execution->seconds = (double)(now_ns() - started_ns) / 1e9;
    execution->virtual_ns = now_ns() - started_ns;
    return results_describe(evidence, execution, 1, NULL, output);
}

/* Of results without files of their own. */
static void remove_results(const char *directory)
{
    static const char *const names[] = {"result.json", ".lockcheck"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = print_text("%s/%s", directory, names[i]);
        unlink(path);
        free(path);
    }
    rmdir(directory);
}

/* Prints results as `report` would, to standard error if asked to, without leaving them anywhere. */
static int print_results(const struct results *results, const char *format, bool to_error)
{
    const char *temporary = getenv("TMPDIR");
    char *directory = print_text("%s/lockcheck-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    int result = mkdtemp(directory) && results_save(results, directory) == 0 ? 0 : -1;
    if (result != 0)
        complain("cannot write to %s: %s", directory, strerror(errno));
    fflush(NULL);
    int out = to_error ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : -1;
    if (out >= 0)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    if (result == 0)
        result = report_print(directory, format);
    if (out >= 0) {
        dup2(out, STDOUT_FILENO);
        close(out);
    }
    remove_results(directory);
    free(directory);
    return result;
}

static void print_graph(const struct run *run, const struct options *options, struct execution *execution)
{
    struct results results;
    results_init(&results);
    json_object_set_new(results.json, "findings",
                        json_pack("[o]", describe(run->evidence, execution, 0, run->started_ns, NULL)));
    set_head(&results, options, run->program, "finding", 1, seconds_of(run), false);
    json_object_set_new(results.json, "command", json_string("attach"));
    json_object_set_new(results.json, "pid", json_integer(run->pid));
    print_results(&results, options->verb == VERB_ATTACH ? options->format : "text",
                  options->verb != VERB_ATTACH);
    results_free(&results);
}

static char *output_of(const struct run *run, size_t *length)
{
    off_t size = run->output_fd < 0 ? 0 : lseek(run->output_fd, 0, SEEK_END);
    char *text = allocate((size_t)(size > 0 ? size : 0) + 1);
    ssize_t got = size > 0 ? pread(run->output_fd, text, (size_t)size, 0) : 0;
    *length = got > 0 ? (size_t)got : 0;
    text[*length] = 0;
    return text;
}

/* "3 runs, 1.2 s" */
static char *effort_of(const struct work *work, bool was_interrupted)
{
    return print_text("%" PRIu64 " run%s, %.1f s%s", work->runs, work->runs == 1 ? "" : "s",
                      work_seconds(work), was_interrupted ? ", interrupted" : "");
}

/* Is what it has found to be passed over? Then it has found nothing. */
static bool suppress(struct work *work, struct run *run)
{
    size_t by =
        run->has_found ? suppressions_find(&work->suppressions, work->evidence, &run->found) : NOT_SUPPRESSED;
    if (by == NOT_SUPPRESSED)
        return false;
    work->suppressed[by]++;
    execution_free(&run->found);
    run->found = (struct execution){0};
    run->has_found = false;
    return true;
}

/* Writes and prints what the runs, of which this is the last, have come to. Returns the exit code. */
static int conclude_native(const struct work *work, struct run *run, bool was_interrupted)
{
    struct results results;
    results_init(&results);
    json_t *findings = json_array();
    if (run->has_found) {
        const char *output = NULL;
        if (run->output_fd >= 0) {
            size_t length;
            char *text = output_of(run, &length);
            output = results_add_output(&results, &(struct execution){.schedule = run->number}, text, length);
        }
        json_array_append_new(findings,
                              describe(work->evidence, &run->found, run->number, run->started_ns, output));
    }
    json_object_set_new(results.json, "findings", findings);
    suppressions_describe(&work->suppressions, work->suppressed, results.json);
    bool unknown = was_interrupted && !run->has_found;
    if (unknown) {
        char *summary = work->runs ? print_text("nothing found in %" PRIu64 " run%s so far", work->runs,
                                                plural(work->runs))
                                   : copy_text("before the program came to its end");
        json_object_set_new(results.json, "error",
                            json_pack("{s:s, s:s}", "kind", "interrupted", "summary", summary));
        free(summary);
    }
    int code = unknown ? EXIT_INTERRUPTED : run->has_found ? EXIT_FINDING : EXIT_CLEAN;
    set_head(&results, work->options, &work->program,
             unknown          ? "error"
             : run->has_found ? "finding"
                              : "clean",
             work->runs, work_seconds(work), was_interrupted);
    progress_end();
    char *written;
    if (results_write(&results, work->options->out, false, &written) != 0)
        code = EXIT_USAGE;
    if (run->has_found && written && !work->options->quiet)
        report_print(written, "text");
    if (unknown)
        results_complain(json_object_get(results.json, "error"));
    if (!work->options->quiet && !unknown)
        suppressions_print(json_object_get(results.json, "suppressions"));
    char *effort = effort_of(work, was_interrupted);
    if (!work->options->quiet && run->has_found)
        printf("lockcheck: 1 finding (%s)%s%s\n", effort,
               written ? "; everything is in " : ", not written anywhere", written ? written : "");
    else if (!work->options->quiet && !unknown)
        printf("lockcheck: nothing found (%s)\n", effort);
    fflush(stdout);
    free(effort);
    free(written);
    results_free(&results);
    return code;
}

/* ---- the commands ---- */

/* The finding has been told, and the program is there for a debugger until it ends or we are told to end. */
static void keep_running(struct run *run)
{
    complain("process %d is left as it is, for example for \"gdb -p %d\"; Ctrl-C ends it", run->pid,
             run->pid);
    while (!child_ended(run->pid) && !interrupted()) {
        run->channel->clock_ns = now_ns();
        usleep(LOOK_MS * 1000);
    }
}

static uint64_t deadline_of(const struct work *work)
{
    return isfinite(work->options->seconds) ? work->started_ns + (uint64_t)(work->options->seconds * 1e9)
                                            : UINT64_MAX;
}

static int run_all(struct work *work)
{
    const struct options *options = work->options;
    bool stress = options->verb == VERB_STRESS, was_interrupted = false;
    uint64_t limit = stress ? options->schedules : 1, deadline = deadline_of(work);
    struct run *run = allocate(sizeof *run);
    int code = EXIT_USAGE;
    progress_start(options->quiet || !stress);
    for (uint64_t number = 1;; number++) {
        *run = (struct run){
            .options = options, .program = &work->program, .evidence = work->evidence, .number = number};
        if (start(run, stress) != 0) {
            forget_run(run);
            break;
        }
        watch(run, deadline);
        was_interrupted = run->interrupted;
        work->runs += run->has_found || child_ended(run->pid);
        bool suppressed = suppress(work, run);
        if (run->has_found || was_interrupted || number == limit || now_ns() >= deadline) {
            if (stress && !run->has_found && !suppressed && !was_interrupted && !child_ended(run->pid))
                warn("run %" PRIu64
                     " had not ended when the time was over; --timeout SECONDS makes a finding of "
                     "runs that take longer",
                     number);
            bool keep = options->keep_running && run->has_found && !child_ended(run->pid);
            if (!keep)
                end_run(run);
            code = conclude_native(work, run, was_interrupted);
            if (keep)
                keep_running(run);
            forget_run(run);
            break;
        }
        forget_run(run);
    }
    progress_end();
    free(run);
    return code;
}

int native_command(const struct options *options)
{
    struct work work = {.options = options, .started_ns = now_ns()};
    current = &work;
    int code = EXIT_USAGE;
    if (program_find(&work.program, options->program) == 0 &&
        suppressions_read_all(&work.suppressions, options->suppressions) == 0 &&
        results_open(options->out) == 0) {
        work.suppressed = allocate((work.suppressions.count + 1) * sizeof *work.suppressed);
        memset(work.suppressed, 0, (work.suppressions.count + 1) * sizeof *work.suppressed);
        catch_quit();
        work.evidence = evidence_reader_new();
        code = run_all(&work);
        evidence_reader_free(work.evidence);
    }
    free(work.suppressed);
    suppressions_free(&work.suppressions);
    program_free(&work.program);
    return code;
}

/* ---- attach ---- */

static char *read_link(pid_t pid, const char *name)
{
    char *path = print_text("/proc/%d/%s", pid, name), target[4096];
    ssize_t length = readlink(path, target, sizeof target);
    free(path);
    return length > 0 && (size_t)length < sizeof target ? print_text("%.*s", (int)length, target)
                                                        : copy_text("?");
}

/* Its program, for the results. */
static void describe_program(struct program *program, pid_t pid)
{
    char *path = print_text("/proc/%d/cmdline", pid);
    size_t length = 0, count = 0;
    char *words = read_whole_file(path, &length);
    free(path);
    program->path = read_link(pid, "exe");
    program->cwd = read_link(pid, "cwd");
    program->argv = allocate((length + 2) * sizeof *program->argv);
    for (size_t at = 0; words && at < length; at += strlen(words + at) + 1)
        program->argv[count++] = copy_text(words + at);
    for (size_t i = 0; i < count; i++)
        make_utf8(program->argv[i], strlen(program->argv[i]));
    make_utf8(program->path, strlen(program->path));
    make_utf8(program->cwd, strlen(program->cwd));
    free(words);
}

static int complain_of_process(pid_t pid, int error)
{
    if (error == ESRCH || error == ENOENT)
        complain("there is no process %d", pid);
    else if (error == EPERM || error == EACCES)
        complain(
            "process %d may not be looked into by this user: it is another's, or the kernel forbids it (see "
            "kernel.yama.ptrace_scope in ptrace(2)); as root it may",
            pid);
    else if (error == EPROTO)
        complain("process %d runs under another version of lockcheck", pid);
    else
        complain("process %d cannot be read: %s", pid, strerror(error));
    return EXIT_USAGE;
}

/* The first looks make a deadlock likely and the later ones prove it; somebody else who stops the process to
 * take its stacks may put that off. */
#define ATTACH_LOOKS 4
#define ATTACH_MORE_LOOKS 200

int attach_command(const struct options *options)
{
    struct program program = {0};
    struct run *run = allocate(sizeof *run);
    pid_t pid = (pid_t)options->pid;
    uint64_t record = watched_find(pid);
    if (!record) {
        free(run);
        if (errno != ENOEXEC)
            return complain_of_process(pid, errno);
        complain("process %d does not run under \"lockcheck run --native\"", pid);
        return EXIT_USAGE;
    }
    describe_program(&program, pid);
    *run = (struct run){.options = options,
                        .program = &program,
                        .evidence = evidence_reader_new(),
                        .pid = pid,
                        .started_ns = now_ns()};
    struct watched *watched = &run->members[0].watched;
    watched_init(watched, pid, record);
    bool deadlock = false;
    int error = 0;
    for (int i = 0; i < (watched->entangled ? ATTACH_MORE_LOOKS : ATTACH_LOOKS) && !error && !deadlock; i++) {
        if (i)
            usleep(LOOK_MS * 1000);
        error = watched_look(watched) == 0 ? 0 : errno;
        deadlock = !error && watched_deadlock(watched);
    }
    if (!error && snapshot_take(watched, deadlock ? SNAPSHOT_DEADLOCK : SNAPSHOT_GRAPH, run->started_ns, 0,
                                &run->found) != 0)
        error = errno;
    int code = error ? complain_of_process(pid, error) : deadlock ? EXIT_FINDING : EXIT_CLEAN;
    if (!error)
        print_graph(run, options, &run->found);
    execution_free(&run->found);
    watched_free(watched);
    evidence_reader_free(run->evidence);
    program_free(&program);
    free(run);
    return code;
}
