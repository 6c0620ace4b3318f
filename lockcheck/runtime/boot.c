/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the program's start to its checkpoint, and from there on in forked processes, each for one schedule
 * or, where it can be rewound (see rewind.c), for several.
 *
 * The fork is the bare system call: the C library's would take back the stacks of all other threads, and they
 * are our fibers. The forked process has one kernel thread, the carrier, and that is all it needs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/detect/detect.h"
#include "lockcheck/runtime/interpose.h"
#include "lockcheck/runtime/runtime.h"
#include <lockcheck.h>

LC_WRITTEN struct lc_runtime lc;
struct lc_real lc_real;

void *lc_next(const char *name)
{
    lc.inside++;
    void *function = dlsym(RTLD_NEXT, name);
    lc.inside--;
    if (!function)
        lc_internal("the C library has no function %s", name);
    return function;
}

int lc_hide(int fd)
{
    int high = fcntl(fd, F_DUPFD_CLOEXEC, LC_FIRST_HIDDEN_FD);
    if (high < 0)
        return fd;
    close(fd);
    return high;
}

/* The program must see the environment that it would have without us. */
static void clean_environment(void)
{
    unsetenv(LC_CHANNEL_ENV);
    const char *preload = getenv("LOCKCHECK_PRELOAD");
    if (preload && *preload)
        setenv("LD_PRELOAD", preload, 1);
    else
        unsetenv("LD_PRELOAD");
    unsetenv("LOCKCHECK_PRELOAD");
    if (getenv("LOCKCHECK_BIND_NOW")) { /* the command's, not the user's */
        unsetenv("LD_BIND_NOW");
        unsetenv("LOCKCHECK_BIND_NOW");
    }
}

static bool open_channel(const char *where)
{
    int memory, socket;
    if (sscanf(where, "%d,%d", &memory, &socket) != 2)
        return false;
    void *channel = mmap(NULL, LC_CHANNEL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (channel == MAP_FAILED)
        return false;
    close(memory);
    lc.channel = channel;
    lc.socket = lc_hide(socket);
    if (lc.channel->magic == LC_CHANNEL_MAGIC && lc.channel->version == LC_CHANNEL_VERSION)
        return true;
    dprintf(2, "lockcheck: the runtime and the command are of different versions\n");
    _exit(EXIT_FAILURE);
}

bool lc_activate(void)
{
    static bool tried;
    if (tried)
        return false;
    const char *where = getenv(LC_CHANNEL_ENV);
    tried = true;
    if (!where || !open_channel(where))
        return false;
    lc.inside++;
    clean_environment();
    lc.evidence = lc.channel->flags & LC_FLAG_EVIDENCE;
    lc.strategy = &lc_strategy_cooperative;
    lc.strategy->begin(NULL);
    lc_signals_init();
    lc_detect_init();
    lc_threads_init();
    lc_backtrace_init();
    lc.inside--;
    lc.active = true;
    return true;
}

__attribute__((constructor)) static void start(void)
{
    lc_activate();
}

/* ---- the template ---- */

static void send_packet(uint32_t type, int wait_status)
{
    struct lc_packet packet = {.type = type, .wait_status = wait_status};
    if (send(lc.socket, &packet, sizeof packet, MSG_NOSIGNAL) != sizeof packet)
        _exit(EXIT_FAILURE); /* the command is gone */
}

static bool receive_start(void)
{
    struct lc_packet packet;
    ssize_t n;
    do
        n = syscall(SYS_recvfrom, lc.socket, &packet, sizeof packet, 0, NULL, NULL);
    while (n < 0 && errno == EINTR);
    return n == sizeof packet && packet.type == LC_MSG_START;
}

/* Not inlined: the process returns to it once for each schedule that it runs. */
__attribute__((noinline)) static void begin_schedule(pid_t template)
{
    lc_system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (lc_system_call(SYS_getppid, 0, 0, 0, 0) != template)
        _exit(EXIT_FAILURE);
    lc_system_call(SYS_close, lc.socket, 0, 0, 0);
    lc.generation++;
    lc_leftovers_begin();
    lc.evidence = lc.channel->flags & LC_FLAG_EVIDENCE;
    lc.channel->pid = (int32_t)lc_system_call(SYS_getpid, 0, 0, 0, 0);
    if (lc_rewind_wanted() && __builtin_setjmp(lc_rewind_place()) == 0)
        lc_rewind_arm();
    lc_debugger_wait();
    lc_schedule_begin();
    lc_descriptors_renew();
}

static bool ended_plainly(int status)
{
    uint32_t outcome = lc.channel->outcome;
    return ((outcome == LC_OUTCOME_NONE && status == 0) || outcome == LC_OUTCOME_CUT) &&
           lc.channel->report_count == lc.channel->early_reports && !lc.channel->passed_count;
}

/* Returns true in the process of the schedule; false in the template when that has ended, with its status. */
static bool fork_schedule(pid_t template, int *status)
{
    lc_channel_clear(lc.channel);
    pid_t child = (pid_t)lc_system_call(SYS_fork, 0, 0, 0, 0);
    if (child == 0) {
        begin_schedule(template);
        return true;
    }
    /* It does the same; but on a busy machine it may be seconds before it gets to, and until then the command
     * would take the template, asleep, for the program. */
    if (child > 0)
        lc.channel->pid = child;
    *status = EXIT_FAILURE << 8;
    while (child > 0 && lc_system_call(SYS_wait4, child, (long)status, 0, 0) == -EINTR)
        ;
    lc_leftovers_end(ended_plainly(*status));
    return false;
}

static uint64_t real_ns(void)
{
    struct timespec now = {0};
    lc_quiet_call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t batch_begun_ns;

static void count_plain_end(void)
{
    struct lc_channel *c = lc.channel;
    uint32_t done = c->batch_done;
    c->results[done++] =
        (struct lc_result){.steps = c->steps, .hash = c->hash, .cut = c->outcome == LC_OUTCOME_CUT};
    __atomic_store_n(&c->batch_done, done, __ATOMIC_RELEASE);
}

/* With so many schedules done. */
static bool batch_is_over(uint32_t done)
{
    const struct lc_channel *c = lc.channel;
    return done >= __atomic_load_n(&c->batch, __ATOMIC_RELAXED) || done == LC_BATCH_MAX ||
           real_ns() - batch_begun_ns >= c->batch_ns;
}

bool lc_batch_goes_on(void)
{
    struct lc_channel *c = lc.channel;
    if (!ended_plainly(0) || batch_is_over(c->batch_done + 1))
        return false;
    int32_t pid = c->pid;
    count_plain_end();
    c->schedule += c->stride;
    lc_channel_clear(c);
    c->pid = pid;
    return true;
}

/* Returns true in the process of each schedule, false in the template when the batch has ended. */
static bool run_batch(pid_t template)
{
    struct lc_channel *c = lc.channel;
    int status;
    batch_begun_ns = real_ns();
    lc_processor_pin();
    lc_sleepers_prepare();
    lc_schedules_prepare();
    lc_rewind_prepare();
    for (;; c->schedule += c->stride) {
        if (fork_schedule(template, &status))
            return true;
        if (!ended_plainly(status))
            break;
        count_plain_end();
        if (batch_is_over(c->batch_done))
            break;
    }
    send_packet(LC_MSG_DONE, status);
    return false;
}

/* A fork copies the table of descriptors as far as the highest that is open. The program does not run in the
 * template any more, and a schedule's process begins by closing the socket, so it may have the lowest number.
 */
static void lower_socket(void)
{
    long low = lc_system_call(SYS_fcntl, lc.socket, F_DUPFD_CLOEXEC, 0, 0);
    if (low < 0)
        return;
    lc_system_call(SYS_close, lc.socket, 0, 0, 0);
    lc.socket = (int)low;
}

/* Serves schedules; returns in each schedule's process, never in the template. */
static void checkpoint(void)
{
    if (lc.scheduled)
        return;
    lc.inside++;
    fflush(NULL); /* or each schedule would write it again */
    lc.channel->reached_checkpoint = 1;
    lc.channel->early_reports = lc.channel->report_count;
    lc.channel->memory_points = lc_memory_hooks;
    lc_exit_prepare();
    lc_processor_forget();
    lower_socket();
    lc_suppressions_tell();
    lc_leftovers_prepare();
    send_packet(LC_MSG_READY, 0);
    pid_t template = (pid_t)syscall(SYS_getpid);
    while (receive_start())
        if (run_batch(template)) {
            lc.inside--;
            return;
        }
    _exit(EXIT_SUCCESS);
}

LC_EXPORT void lockcheck_checkpoint_request(void)
{
    if (lc_controlled())
        checkpoint();
}

/* ---- main ---- */

typedef int main_function(int, char **, char **);
static main_function *program_main;

static int run_main(int argc, char **argv, char **environment)
{
    jmp_buf base;
    lc_self->unwind_base = base;
    if (setjmp(base))
        lc_main_thread_exited();
    return lc_exit_with(program_main(argc, argv, environment));
}

static int controlled_main(int argc, char **argv, char **environment)
{
    if (lc_activate() || lc.active) {
        if (!lc.channel->own_checkpoint)
            checkpoint();
        return run_main(argc, argv, environment);
    }
    return program_main(argc, argv, environment);
}

LC_EXPORT int __libc_start_main(main_function *main, int argc, char **argv, void (*init)(void),
                                void (*fini)(void), void (*loader_fini)(void), void *stack_end)
{
    typedef int start_main(main_function *, int, char **, void (*)(void), void (*)(void), void (*)(void),
                           void *);
    program_main = main;
    return ((start_main *)lc_next("__libc_start_main"))(controlled_main, argc, argv, init, fini,
                                                        lc_exit_handler(loader_fini), stack_end);
}
