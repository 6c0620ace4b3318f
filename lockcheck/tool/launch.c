/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting and watching the program under test: see launch.h. */
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/locate.h"
#include "lockcheck/tool/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The descriptors of the channel have the same numbers in every template: a program's own descriptors must
 * not depend on how many templates there are. High enough to be above those that the command itself opens. */
#define CHILD_CHANNEL_FD 500
#define CHILD_SOCKET_FD 501

#define STUCK_CPU_NS 1000000000ull   /* a loop without a scheduling point may take this long */
#define STUCK_SLEEP_NS 2000000000ull /* and a blocking system call this long */
#define STUCK_GRACE_NS 2000000000ull /* then the runtime has this long to say where the program is */

/* What measuring and profiling may take, whatever the limit of the schedules is: it must not change them. */
#define PROFILE_STEPS 20000000ull
#define PROFILE_IDLE 4u /* profiling runs without news, after which there is nothing more to learn */
#define PROFILE_RUNS 32u

/* Processes of this command that are, or have been, a template that is not stopped. */
static unsigned templates;

/* Set by a signal handler. */
static volatile sig_atomic_t interrupt_signal, is_interrupted;

static void on_interrupt(int signal)
{
    interrupt_signal = signal;
    is_interrupted = 1;
}

/* What this command was started to ignore, it and the program go on to ignore: nohup(1), jobs of a script. */
static bool is_ignored(int signal)
{
    struct sigaction action;
    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};

void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof interrupts / sizeof *interrupts; i++)
        if (!is_ignored(interrupts[i]))
            sigaction(interrupts[i], &action, NULL);
    /* A full disk and a closed pipe are errors of write(), to be told, not the end of the command. */
    signal(SIGXFSZ, SIG_IGN);
    /* Were it ignored, as it can be from the start, there would be nothing to wait for. */
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
}

bool interrupted(void)
{
    return is_interrupted;
}

void forget_interrupt(void)
{
    is_interrupted = 0;
}

void end_by_interrupt(void)
{
    fflush(NULL);
    signal(interrupt_signal, SIG_DFL);
    raise(interrupt_signal);
    _exit(EXIT_INTERRUPTED + interrupt_signal);
}

static void put_settings(struct lc_channel *channel, const struct settings *settings)
{
    assert(settings->decisions_bytes <= LC_REPLAY_SIZE);
    memset(channel->strategy, 0, sizeof channel->strategy);
    strncpy(channel->strategy, settings->strategy, sizeof channel->strategy - 1);
    channel->seed = settings->seed;
    channel->schedule = settings->schedule;
    channel->max_steps = settings->max_steps;
    channel->flags = settings->flags;
    channel->points = settings->points;
    channel->depth = settings->depth;
    channel->preemptions = settings->preemptions;
    channel->sleepers = settings->sleepers;
    channel->steps_room = settings->steps_room;
    channel->stop_at_step = settings->stop_at_step;
    channel->stop_at_report = settings->report;
    channel->pass_over = settings->pass_over;
    channel->earlier = settings->earlier;
    channel->detect = settings->detect;
    snprintf(channel->trace_directory, sizeof channel->trace_directory, "%s",
             settings->trace ? settings->trace : "");
    channel->trace_events = settings->trace_events;
    channel->trace_error = 0;
    channel->replay_bytes = settings->decisions_bytes;
    if (settings->decisions_bytes)
        memcpy((char *)channel + LC_REPLAY_OFFSET, settings->decisions, settings->decisions_bytes);
}

void pass_on_descriptors(bool in_child)
{
    static bool known, passed_on[CHILD_CHANNEL_FD];
    for (int fd = STDERR_FILENO + 1; fd < CHILD_CHANNEL_FD && (in_child || !known); fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (!in_child)
            passed_on[fd] = flags >= 0 && !(flags & FD_CLOEXEC);
        else if (flags >= 0 && !passed_on[fd])
            fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    known = true;
}

/* Descriptors stay when the limit of their numbers is below them again, which is the program's own. */
static bool give_channel(int channel_fd, int socket_fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max});
    bool given = dup2(channel_fd, CHILD_CHANNEL_FD) >= 0 && dup2(socket_fd, CHILD_SOCKET_FD) >= 0;
    int error = errno == EBADF ? EMFILE : errno;
    setrlimit(RLIMIT_NOFILE, &limit);
    errno = error;
    return given;
}

/* In the child: what stands between fork and the program. Returns only on failure, with errno. */
static void become_program(const struct template *template, const struct program *program, int channel_fd,
                           int socket_fd, const char *runtime)
{
    setpgid(0, 0);
    pass_on_descriptors(true);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof interrupts / sizeof *interrupts; i++)
        if (!is_ignored(interrupts[i]))
            signal(interrupts[i], SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(program->cwd) != 0)
        return;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = template->output == OUTPUT_INHERIT   ? STDOUT_FILENO
              : template->output == OUTPUT_CAPTURE ? template->output_fd
                                                   : null;
    int error = template->output == OUTPUT_INHERIT ? STDERR_FILENO : template->output_fd;
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || (out != STDOUT_FILENO && dup2(out, STDOUT_FILENO) < 0) ||
        (error != STDERR_FILENO && dup2(error, STDERR_FILENO) < 0))
        return;
    if (!give_channel(channel_fd, socket_fd))
        return;
    personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
    char numbers[32];
    snprintf(numbers, sizeof numbers, "%d,%d", CHILD_CHANNEL_FD, CHILD_SOCKET_FD);
    const char *others = getenv("LD_PRELOAD");
    if (others && *others)
        setenv("LOCKCHECK_PRELOAD", others, 1); /* what the runtime lets the program see */
    else
        unsetenv("LOCKCHECK_PRELOAD");
    char *preload = others && *others ? print_text("%s:%s", runtime, others) : copy_text(runtime);
    setenv("LD_PRELOAD", preload, 1);
    /* What the template has bound, no schedule binds again. */
    unsetenv("LOCKCHECK_BIND_NOW");
    if (!getenv("LD_BIND_NOW")) {
        setenv("LD_BIND_NOW", "1", 1);
        setenv("LOCKCHECK_BIND_NOW", "1", 1); /* the runtime is to hide it */
    }
    setenv(LC_CHANNEL_ENV, numbers, 1);
    execv(program->path, program->argv);
}

/* Creates channel, socket pair and output file. Returns 0, or -1 with errno and whatever was opened recorded.
 */
static int open_channel(struct template *template, int *channel_fd, int *child_socket)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    template->socket = pair[0];
    *child_socket = pair[1];
    *channel_fd = memfd_create("lockcheck-channel", MFD_CLOEXEC);
    if (*channel_fd < 0 || ftruncate(*channel_fd, LC_CHANNEL_SIZE) != 0)
        return -1;
    void *channel = mmap(NULL, LC_CHANNEL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, *channel_fd, 0);
    if (channel == MAP_FAILED)
        return -1;
    template->channel = channel;
    if (template->output == OUTPUT_INHERIT)
        return 0;
    template->output_fd = memfd_create("lockcheck-output", MFD_CLOEXEC);
    /* Appending, because both streams write to it and because what nobody will read is cut off. */
    return template->output_fd < 0 ? -1 : fcntl(template->output_fd, F_SETFL, O_APPEND);
}

/* Forks and waits until the program has been executed. Returns 0, or the errno of what failed. */
static int spawn(struct template *template, const struct program *program, int channel_fd, int child_socket,
                 const char *runtime)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return errno;
    fflush(NULL);
    template->pid = fork();
    if (template->pid == 0) {
        become_program(template, program, channel_fd, child_socket, runtime);
        int error = errno;
        ssize_t written = write(report[1], &error, sizeof error);
        _exit(written == sizeof error ? 126 : 127);
    }
    int error = template->pid < 0 ? errno : 0;
    close(report[1]);
    if (template->pid < 0) {
        template->pid = 0;
    } else {
        templates++;
        while (read(report[0], &error, sizeof error) < 0 && errno == EINTR)
            ;
    }
    close(report[0]);
    return error;
}

/* Which limit of the shell's is too low, and what it has to be. */
static const char *remedy(int error)
{
    switch (error) {
    case ENOMEM:
        return "; each job takes 3 GiB of address space, most of which it never uses: ulimit -v must allow "
               "that";
    case EFBIG:
        return "; each job makes a sparse file of 3 GiB in memory: ulimit -f must allow that";
    case EMFILE:
        return "; ulimit -n must be at least 502";
    case EAGAIN:
        return "; ulimit -u, or the limit of the control group, allows no more processes";
    default:
        return "";
    }
}

static void watch_reset(struct template *template)
{
    memset(&template->watch, 0, sizeof template->watch);
}

int template_start(struct template *template, const struct program *program, const struct settings *settings,
                   enum output output)
{
    *template = (struct template){.socket = -1, .output = output, .output_fd = -1};
    char *runtime = locate_runtime();
    if (!runtime) {
        complain(
            "the runtime is missing: ../lib/lockcheck/liblockcheck.so beside the directory of this command");
        return -1;
    }
    if (strpbrk(runtime, " :")) {
        complain("%s: the path has a space or a colon, so the runtime cannot be preloaded", runtime);
        free(runtime);
        return -1;
    }
    /* Schedules that outlive their template are to be waited for here, not by the system. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int channel_fd = -1, child_socket = -1, error = 0;
    pass_on_descriptors(false);
    if (open_channel(template, &channel_fd, &child_socket) != 0) {
        error = errno;
    } else {
        template->channel->magic = LC_CHANNEL_MAGIC;
        template->channel->version = LC_CHANNEL_VERSION;
        template->channel->own_checkpoint = program->own_checkpoint;
        template->channel->suppressions_at = program->suppressions_at;
        put_settings(template->channel, settings);
        error = spawn(template, program, channel_fd, child_socket, runtime);
    }
    if (channel_fd >= 0)
        close(channel_fd);
    if (child_socket >= 0)
        close(child_socket);
    free(runtime);
    watch_reset(template);
    if (error) {
        complain("cannot start %s: %s%s", program->path, strerror(error), remedy(error));
        template_stop(template);
        return -1;
    }
    return 0;
}

struct settings measuring_run(const struct settings *settings)
{
    return (struct settings){.strategy = "cooperative",
                             .seed = settings->seed,
                             .max_steps = PROFILE_STEPS,
                             .points = LC_POINTS_SYNC,
                             .preemptions = -1};
}

bool profiling_wanted(const struct profiling *profiling, const struct settings *settings, bool for_strategy)
{
    if (settings->points == LC_POINTS_SYNC)
        return for_strategy && profiling->runs == 0;
    return profiling->idle < PROFILE_IDLE && profiling->runs < PROFILE_RUNS;
}

struct settings profiling_run(const struct profiling *profiling, const struct settings *settings)
{
    return (struct settings){.strategy = "random",
                             .seed = settings->seed + profiling->runs,
                             .max_steps = PROFILE_STEPS,
                             .flags = LC_FLAG_PROFILE,
                             .points = settings->points,
                             .preemptions = -1,
                             .sleepers = settings->sleepers};
}

void profiling_took(struct profiling *profiling, const struct template *template)
{
    const struct lc_shared_memory *memory =
        (const struct lc_shared_memory *)((const char *)template->channel + LC_SHARED_OFFSET);
    profiling->runs++;
    profiling->idle = memory->count > profiling->shared ? 0 : profiling->idle + 1;
    profiling->shared = memory->count;
}

void template_begin(struct template *template, const struct settings *settings)
{
    template_begin_batch(template, settings, 1, 1, 0);
}

void template_begin_batch(struct template *template, const struct settings *settings, uint64_t stride,
                          uint32_t count, uint64_t batch_ns)
{
    assert(template->state == TEMPLATE_READY && count >= 1 && count <= LC_BATCH_MAX);
    struct lc_channel *channel = template->channel;
    lc_channel_clear(channel);
    put_settings(channel, settings);
    channel->stride = stride;
    channel->batch = template->batch = count;
    channel->batch_ns = batch_ns;
    channel->batch_done = 0;
    watch_reset(template);
    struct lc_packet packet = {.type = LC_MSG_START};
    /* If the template is gone, the next read says so. */
    if (send(template->socket, &packet, sizeof packet, MSG_NOSIGNAL) != sizeof packet)
        shutdown(template->socket, SHUT_RDWR);
    template->state = TEMPLATE_RUNNING;
}

uint32_t template_batch_done(const struct template *template)
{
    /* The program could write there too. */
    uint32_t done = __atomic_load_n(&template->channel->batch_done, __ATOMIC_ACQUIRE);
    return done < template->batch ? done : template->batch;
}

void template_limit_batch(struct template *template, uint32_t count)
{
    __atomic_store_n(&template->channel->batch, count, __ATOMIC_RELAXED);
}

/* Waits for the template, which has closed its socket; it may be a second away from its end, not more. */
static void reap_template(struct template *template)
{
    for (int tries = 0; tries < 100; tries++) {
        if (waitpid(template->pid, &template->wait_status, WNOHANG) == template->pid) {
            template->pid = -template->pid; /* its group may still have members */
            return;
        }
        usleep(10000);
    }
    kill(template->pid, SIGKILL);
    if (waitpid(template->pid, &template->wait_status, 0) == template->pid)
        template->pid = -template->pid;
}

void template_read(struct template *template)
{
    struct lc_packet packet;
    ssize_t length;
    do
        length = recv(template->socket, &packet, sizeof packet, 0);
    while (length < 0 && errno == EINTR);
    if (length == sizeof packet && packet.type == LC_MSG_READY && template->state == TEMPLATE_STARTING) {
        template->state = TEMPLATE_READY;
    } else if (length == sizeof packet && packet.type == LC_MSG_DONE && template->state == TEMPLATE_RUNNING) {
        template->wait_status = packet.wait_status;
        template->state = TEMPLATE_READY;
    } else {
        template->state = TEMPLATE_ENDED;
        reap_template(template);
    }
}

/* State letter and CPU time of a process. Returns 0, or -1 if it is gone. */
static int process_usage(pid_t pid, char *state, uint64_t *cpu_ns)
{
    char *path = print_text("/proc/%d/stat", (int)pid);
    char *text = read_whole_file(path, NULL);
    free(path);
    char *at = text ? strrchr(text, ')') : NULL;
    unsigned long user, system;
    int fields =
        at ? sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", state, &user, &system) : 0;
    free(text);
    if (fields != 3)
        return -1;
    *cpu_ns = (user + system) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
    return 0;
}

void template_watch(struct template *template)
{
    /* What nobody reads is not to fill the memory. */
    if ((template->state == TEMPLATE_RUNNING || template->state == TEMPLATE_READY) &&
        template->output == OUTPUT_DISCARD && ftruncate(template->output_fd, 0) != 0)
        warn("cannot cut off the program's output: %s", strerror(errno));
    if (template->state != TEMPLATE_STARTING && template->state != TEMPLATE_RUNNING)
        return;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)template->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
        shutdown(template->socket, SHUT_RDWR); /* a process that it has made may hold the other end */
        return;
    }

    const struct lc_channel *channel = template->channel;
    uint64_t now = now_ns(), cpu_ns = 0, steps = channel->steps;
    pid_t pid = template->state == TEMPLATE_RUNNING && channel->pid > 0 ? channel->pid : template->pid;
    char state = 0;
    if (process_usage(pid, &state, &cpu_ns) != 0)
        return;
    if (template->watch.schedule != channel->schedule)
        watch_reset(template);
    if (template->watch.signalled_ns) {
        if (now - template->watch.signalled_ns > STUCK_GRACE_NS) {
            kill(pid, SIGKILL);
        }
        return;
    }
    if (!template->watch.changed_ns || steps != template->watch.steps || pid != template->watch.pid) {
        template->watch.changed_ns = template->watch.awake_ns = now;
        template->watch.cpu_ns = cpu_ns;
        template->watch.steps = steps;
        template->watch.pid = pid;
        template->watch.schedule = channel->schedule;
        return;
    }
    bool asleep = state == 'S' || state == 'D' || state == 'T'; /* 't' is in a debugger's hands */
    if (!asleep || cpu_ns != template->watch.last_cpu_ns)
        template->watch.awake_ns = now;
    template->watch.last_cpu_ns = cpu_ns;
    bool spins = cpu_ns - template->watch.cpu_ns >= STUCK_CPU_NS;
    bool sleeps = now - template->watch.awake_ns >= STUCK_SLEEP_NS;
    if (spins || sleeps) {
        template->watch.signalled_ns = now;
        kill(pid, LC_STUCK_SIGNAL);
        kill(pid, SIGCONT);
    }
}

void template_collect(const struct template *template, struct execution *execution)
{
    int status = template->wait_status;
    bool ended_by_us = template->watch.signalled_ns &&
                       template->watch.schedule == template->channel->schedule && WIFSIGNALED(status) &&
                       (WTERMSIG(status) == LC_STUCK_SIGNAL || WTERMSIG(status) == SIGKILL);
    execution_collect(execution, template->channel, status, ended_by_us);
    if (template->state == TEMPLATE_ENDED && template->channel->reached_checkpoint && !ended_by_us &&
        template->channel->outcome == LC_OUTCOME_NONE)
        execution_fail(execution, "internal", "the process from which schedules are forked ended");
}

char *template_output(const struct template *template, size_t *length)
{
    off_t size = template->output_fd < 0 ? 0 : lseek(template->output_fd, 0, SEEK_END);
    char *text = allocate((size_t)(size > 0 ? size : 0) + 1);
    ssize_t got = size > 0 ? pread(template->output_fd, text, (size_t)size, 0) : 0;
    *length = got > 0 ? (size_t)got : 0;
    text[*length] = 0;
    return text;
}

int template_suppressions(const struct template *template, struct suppressions *suppressions)
{
    const char *text = (const char *)template->channel + LC_SUPPRESSIONS_OFFSET;
    if (!*text)
        return 0;
    char *copy = copy_bytes(text, strnlen(text, LC_SUPPRESSIONS_SIZE - 1));
    int result = -1;
    if (is_utf8(copy))
        result = suppressions_parse(suppressions, SUPPRESSIONS_OF_PROGRAM, copy, true);
    else
        complain(SUPPRESSIONS_OF_PROGRAM ": not a text in UTF-8");
    free(copy);
    return result;
}

unsigned kill_children(void)
{
    unsigned count = 0;
    char *children = read_whole_file("/proc/thread-self/children", NULL), *save = NULL;
    for (char *word = children ? strtok_r(children, " ", &save) : NULL; word;
         word = strtok_r(NULL, " ", &save)) {
        kill(atoi(word), SIGKILL);
        count++;
    }
    free(children);
    return count;
}

/* What has left the group of its template has come to us when its parent ended. */
static void end_strays(void)
{
    while (kill_children())
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            return;
}

void template_stop(struct template *template)
{
    if (template->pid) {
        if (template->pid > 0)
            kill(template->pid, SIGKILL); /* should it not have got to its group yet */
        pid_t group = abs(template->pid);
        kill(-group, SIGKILL);
        while (waitpid(-group, NULL, 0) > 0 || errno == EINTR)
            ;
        if (--templates == 0)
            end_strays();
    }
    if (template->channel)
        munmap(template->channel, LC_CHANNEL_SIZE);
    if (template->socket >= 0)
        close(template->socket);
    if (template->output_fd >= 0)
        close(template->output_fd);
    *template = (struct template){.state = TEMPLATE_ENDED, .socket = -1, .output_fd = -1};
}

/* Waits until the template has changed its state. Returns 0, or -1 on an interrupt. */
static int await_change(struct template *template)
{
    enum template_state state = template->state;
    while (template->state == state) {
        struct pollfd pollfd = {.fd = template->socket, .events = POLLIN};
        int ready = poll(&pollfd, 1, WATCH_INTERVAL_MS);
        if (interrupted())
            return -1;
        if (ready > 0)
            template_read(template);
        else
            template_watch(template);
    }
    return 0;
}

int template_launch(struct template *template, const struct program *program, const struct settings *settings,
                    enum output output)
{
    if (template_start(template, program, settings, output) != 0)
        return -1;
    if (await_change(template) != 0)
        return -1;
    struct profiling profiling = {0};
    while (template->state == TEMPLATE_READY && profiling_wanted(&profiling, settings, false)) {
        struct settings profile = profiling_run(&profiling, settings);
        if (template_run(template, &profile) != 0)
            return -1;
        profiling_took(&profiling, template);
    }
    return 0;
}

int template_run(struct template *template, const struct settings *settings)
{
    template_begin(template, settings);
    return await_change(template);
}

int execute(const struct program *program, const struct settings *settings, enum output output,
            struct execution *execution, char **captured, size_t *captured_length)
{
    struct template template;
    bool whole = template_launch(&template, program, settings, output) == 0;
    if (whole && template.state == TEMPLATE_READY)
        whole = template_run(&template, settings) == 0;
    if (whole) {
        template_collect(&template, execution);
        if (captured)
            *captured = template_output(&template, captured_length);
    }
    template_stop(&template);
    return whole ? 0 : -1;
}
