/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking into an execution: see debug.h. */
#include "lockcheck/tool/debug.h"
#include "lockcheck/tool/gdbserver.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/switches.h"
#include "lockcheck/tool/text.h"
#include "lockcheck/tool/tracee.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* What both kinds of session are about. */
struct session {
    const struct options *options;
    const struct program *program;
    const struct schedule *schedule;
    const struct settings *settings;
};

/* The code of a replay that has come to the recorded end. */
static int code_of(const struct schedule *schedule)
{
    static const char *const others[] = {"limit", "uncontrolled", "diverged", "internal", "early-end"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(schedule->kind, others[i]) == 0)
            return EXIT_UNCONTROLLED;
    return strcmp(schedule->kind, "clean") == 0 ? EXIT_CLEAN : EXIT_FINDING;
}

/* ---- --gdb ---- */

static char *find_gdb(void)
{
    const char *path = getenv("PATH");
    char *copy = copy_text(path ? path : "/usr/bin:/bin"), *save = NULL, *found = NULL;
    for (char *directory = strtok_r(copy, ":", &save); directory && !found;
         directory = strtok_r(NULL, ":", &save)) {
        struct stat status;
        char *candidate = print_text("%s/gdb", directory);
        if (stat(candidate, &status) == 0 && S_ISREG(status.st_mode) && access(candidate, X_OK) == 0)
            found = candidate;
        else
            free(candidate);
    }
    free(copy);
    if (!found)
        complain("--gdb: there is no gdb in PATH; install it (Debian: apt install gdb), or use --to without "
                 "--gdb");
    return found;
}

/* A socket that only this user can reach. Returns its descriptor, or -1 after saying what is wrong. */
static int listen_in(const char *directory, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strlen(path) >= sizeof address.sun_path) {
        complain("TMPDIR is too long a name for a socket in %s", directory);
        close(fd);
        return -1;
    }
    strcpy(address.sun_path, path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0)
        return fd;
    complain("cannot make a socket in %s: %s", directory, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Returns only when it fails. */
static void become_gdb(const struct session *session, const char *gdb, const char *commands,
                       const char *socket)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int i = 1; i < NSIG; i++)
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    char *connect = print_text("lockcheck connect %s", socket);
    const char *fixed[] = {gdb, "-q", "-se", session->program->path, "-x", commands, "-ex", connect};
    size_t count = sizeof fixed / sizeof *fixed, more = 0;
    while (session->options->gdb_arguments[more])
        more++;
    const char **argv = allocate((count + more + 1) * sizeof *argv);
    memcpy(argv, fixed, sizeof fixed);
    memcpy(argv + count, session->options->gdb_arguments, more * sizeof *argv);
    execv(gdb, (char **)argv);
    complain("cannot run %s: %s", gdb, strerror(errno));
}

/* Waits until gdb has connected or ended. Returns the connection, or -1. */
static int await_gdb(int listener, pid_t *gdb)
{
    for (;;) {
        struct pollfd pollfd = {.fd = listener, .events = POLLIN};
        if (poll(&pollfd, 1, 50) > 0)
            return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (waitpid(*gdb, NULL, WNOHANG) == *gdb) {
            *gdb = 0;
            return -1;
        }
    }
}

/* gdb has the terminal, and its interrupts. */
static int serve_gdb(const struct session *session, struct tracee *tracee, const char *gdb,
                     const char *commands)
{
    const char *tmp = getenv("TMPDIR");
    char *directory = print_text("%s/lockcheck-gdb-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(directory)) {
        complain("cannot make a directory like %s: %s", directory, strerror(errno));
        free(directory);
        return -1;
    }
    char *path = print_text("%s/socket", directory);
    int listener = listen_in(directory, path);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    int signals = signalfd(-1, &child, SFD_CLOEXEC), result = -1;
    void (*before)(int) = signal(SIGINT, SIG_IGN);
    fflush(NULL);
    pid_t pid = listener >= 0 && signals >= 0 ? fork() : -1;
    if (pid == 0) {
        become_gdb(session, gdb, commands, path);
        _exit(127);
    }
    int connection = pid > 0 ? await_gdb(listener, &pid) : -1;
    unlink(path);
    rmdir(directory);
    if (connection >= 0) {
        result = gdbserver_serve(tracee, connection, signals, session->schedule->steps);
        close(connection);
    }
    if (pid > 0)
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
    signal(SIGINT, before);
    sigprocmask(SIG_UNBLOCK, &child, NULL);
    if (listener >= 0)
        close(listener);
    if (signals >= 0)
        close(signals);
    free(path);
    free(directory);
    return result;
}

/* Has it come where it should? */
static bool arrived(const struct session *session, struct tracee *tracee)
{
    const struct lc_channel *channel = tracee->template.channel;
    const struct schedule *schedule = session->schedule;
    bool whole = channel->steps == schedule->steps && channel->hash == schedule->hash;
    if (tracee->stop == TRACEE_STEP)
        return true;
    if (tracee->stop == TRACEE_GONE) {
        complain("the program ended by itself after step %" PRIu64 " of %" PRIu64
                 "; stop it earlier, with --to STEP",
                 (uint64_t)channel->steps, schedule->steps);
        return false;
    }
    if (tracee->stop == TRACEE_OUTCOME && channel->outcome != LC_OUTCOME_FINDING &&
        strcmp(channel->finding_kind, schedule->kind) != 0) {
        const char *summary = json_string_value(json_object_get(tracee_description(tracee), "summary"));
        complain("not the recorded execution: %s", summary ? summary : channel->summary);
        return false;
    }
    if (!whole)
        warn("not the recorded execution: %" PRIu64 " steps and execution hash %016" PRIx64
             ", recorded: %" PRIu64 " and %016" PRIx64,
             (uint64_t)channel->steps, (uint64_t)channel->hash, schedule->steps, schedule->hash);
    return true;
}

static int debug_in_gdb(const struct session *session)
{
    char *gdb = find_gdb(), *commands = gdb ? locate_gdb_commands() : NULL;
    int code = EXIT_USAGE;
    if (gdb && !commands)
        complain("gdb's commands are missing: ../share/lockcheck/gdb/lockcheck-gdb.py beside the directory "
                 "of this "
                 "command");
    if (commands) {
        struct tracee tracee = {
            .program = session->program, .settings = *session->settings, .goal = session->options->to};
        tracee.settings.flags = LC_FLAG_EVIDENCE | LC_FLAG_DEBUGGER;
        tracee.settings.steps_room = 0;
        code = EXIT_UNCONTROLLED;
        if (tracee_open(&tracee) == 0 && arrived(session, &tracee) &&
            serve_gdb(session, &tracee, gdb, commands) == 0)
            code = tracee.was_at_end ? code_of(session->schedule) : EXIT_CLEAN;
        tracee_close(&tracee);
    }
    free(commands);
    free(gdb);
    return code;
}

/* ---- --to ---- */

static void print_thread(const json_t *thread)
{
    const char *wait = json_string_value(json_object_get(thread, "waits_for"));
    printf("\n%" JSON_INTEGER_FORMAT " %s: %s", json_integer_value(json_object_get(thread, "id")),
           json_string_value(json_object_get(thread, "name")),
           json_string_value(json_object_get(thread, "state")));
    if (wait)
        printf(", waits for %s", wait);
    size_t i;
    const json_t *item;
    json_array_foreach(json_object_get(thread, "holds"), i, item)
        printf("%s%s", i ? ", " : ", holds ", json_string_value(item));
    putchar('\n');
    json_array_foreach(json_object_get(thread, "stack"), i, item)
        printf("    #%zu %s\n", i, json_string_value(item));
}

static void print_moment(const struct session *session, const struct execution *execution)
{
    struct evidence_reader *reader = evidence_reader_new();
    json_t *description = evidence_describe(reader, execution);
    printf("lockcheck: stopped before step %" PRIu64 " of %" PRIu64
           ", at %.3f ms. The threads at this moment:\n",
           execution->steps, session->schedule->steps, (double)execution->virtual_ns / 1e6);
    size_t i;
    const json_t *thread;
    json_array_foreach(json_object_get(description, "threads"), i, thread) print_thread(thread);
    json_decref(description);
    evidence_reader_free(reader);
}

/* Runs it as the settings say. Returns false after saying what is wrong; the caller frees the execution. */
static bool run_once(const struct session *session, const struct settings *settings,
                     struct execution *execution)
{
    char *output = NULL;
    size_t length;
    if (execute(session->program, settings, OUTPUT_CAPTURE, execution, &output, &length) != 0) {
        if (interrupted())
            complain("interrupted");
        return false;
    }
    free(output);
    return true;
}

static int show_moment(const struct session *session)
{
    struct settings settings = *session->settings;
    settings.flags = LC_FLAG_EVIDENCE;
    settings.steps_room = 0;
    settings.stop_at_step = session->options->to;
    struct execution execution = {0};
    int code = EXIT_UNCONTROLLED;
    if (run_once(session, &settings, &execution)) {
        if (execution.ending == ENDING_STOPPED) {
            print_moment(session, &execution);
            code = EXIT_CLEAN;
        } else {
            complain("not the recorded execution: it ended (%s) after step %" PRIu64, execution.kind,
                     execution.steps);
        }
    }
    execution_free(&execution);
    return code;
}

/* ---- --trace ---- */

static int show_switches(const struct session *session)
{
    const struct options *options = session->options;
    struct settings settings = *session->settings;
    settings.flags = LC_FLAG_EVIDENCE | LC_FLAG_STEPS;
    settings.steps_room = LC_STEPS_SIZE / sizeof(struct lc_step);
    struct execution execution = {0};
    int code = EXIT_UNCONTROLLED;
    if (run_once(session, &settings, &execution)) {
        switches_print(&execution, &(struct switches_window){
                                       .from = options->from, .to = options->to, .last = options->last});
        bool whole = execution.steps == session->schedule->steps && execution.hash == session->schedule->hash;
        if (!whole)
            complain("not the recorded execution: it ended (%s) after step %" PRIu64 " of %" PRIu64,
                     execution.kind, execution.steps, session->schedule->steps);
        if (whole || options->force)
            code = execution.ending == ENDING_FINDING ? EXIT_FINDING
                   : execution.ending == ENDING_CLEAN ? EXIT_CLEAN
                                                      : EXIT_UNCONTROLLED;
    }
    execution_free(&execution);
    return code;
}

int debug_replay(const struct options *options, const struct program *program,
                 const struct schedule *schedule, const struct settings *settings)
{
    const struct session session = {options, program, schedule, settings};
    if (options->to > schedule->steps || options->from > schedule->steps) {
        complain("--%s %" PRIu64 ": the execution in %s has %" PRIu64 " steps",
                 options->to > schedule->steps ? "to" : "from",
                 options->to > schedule->steps ? options->to : options->from, options->schedule,
                 schedule->steps);
        return EXIT_USAGE;
    }
    return options->gdb     ? debug_in_gdb(&session)
           : options->trace ? show_switches(&session)
                            : show_moment(&session);
}
