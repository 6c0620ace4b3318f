/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A schedule's process in a debugger's hands: see tracee.h. */
#include "lockcheck/tool/tracee.h"
#include "lockcheck/tool/text.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define XSTATE_SIZE 16384u       /* of all vector registers, more than any processor has */
#define EVIDENCE_LIMIT_MS 10000u /* to write evidence takes far less */

static void forget_evidence(struct tracee *tracee)
{
    json_decref(tracee->evidence);
    json_decref(tracee->description);
    tracee->evidence = tracee->description = NULL;
}

/* ---- stops ---- */

static enum tracee_stop why(struct tracee *tracee)
{
    int status = tracee->wait_status;
    if (!WIFSTOPPED(status))
        return TRACEE_GONE;
    if (status >> 16 == PTRACE_EVENT_STOP)
        return TRACEE_INTERRUPTED;
    tracee->signal = WSTOPSIG(status);
    if (tracee->signal != SIGTRAP)
        return TRACEE_SIGNAL;
    switch (tracee->template.channel->debug_stop) {
    case LC_DEBUG_STEP:
        return TRACEE_STEP;
    case LC_DEBUG_OUTCOME:
        return TRACEE_OUTCOME;
    case LC_DEBUG_EXIT:
        return TRACEE_EXIT;
    default:
        return TRACEE_TRAP;
    }
}

static bool go_on(const struct tracee *tracee, int signal)
{
    return ptrace(tracee->single_step ? PTRACE_SINGLESTEP : PTRACE_CONT, tracee->pid, NULL,
                  (void *)(uintptr_t)signal) == 0;
}

/* The program is about to make a system call that the runtime wants to hear of (runtime/quiet.c). What its
 * handler would do is done here, so that a debugger sees no signal, and a step over the call is one. */
static bool is_told(const struct tracee *tracee)
{
    siginfo_t info;
    struct user_regs_struct registers;
    if (tracee->stop != TRACEE_SIGNAL || tracee->signal != SIGSYS ||
        ptrace(PTRACE_GETSIGINFO, tracee->pid, NULL, &info) != 0 || info.si_code != LC_BY_DISPATCH ||
        ptrace(PTRACE_GETREGS, tracee->pid, NULL, &registers) != 0)
        return false;
    tracee->template.channel->dispatch_selector = SYSCALL_DISPATCH_FILTER_ALLOW;
    registers.rip -= 2;                          /* to the SYSCALL instruction */
    registers.orig_rax = (unsigned long long)-1; /* none to begin again */
    return ptrace(PTRACE_SETREGS, tracee->pid, NULL, &registers) == 0 && go_on(tracee, 0);
}

void tracee_look(struct tracee *tracee)
{
    int status;
    if (tracee->stop != TRACEE_RUNS || waitpid(tracee->pid, &status, __WALL | WNOHANG) != tracee->pid)
        return;
    tracee->wait_status = status;
    tracee->stop = why(tracee);
    if (is_told(tracee))
        tracee->stop = TRACEE_RUNS;
    if (tracee->stop == TRACEE_GONE)
        tracee->pid = 0;
    tracee->was_at_end = tracee->was_at_end || tracee->stop == TRACEE_OUTCOME ||
                         tracee->stop == TRACEE_EXIT || tracee->stop == TRACEE_GONE;
}

void tracee_interrupt(struct tracee *tracee)
{
    if (tracee->stop == TRACEE_RUNS)
        ptrace(PTRACE_INTERRUPT, tracee->pid, NULL, NULL);
}

void tracee_show_output(struct tracee *tracee)
{
    char block[4096];
    ssize_t n;
    while ((n = pread(tracee->template.output_fd, block, sizeof block, tracee->output_shown)) > 0) {
        fwrite(block, 1, (size_t)n, stdout);
        tracee->output_shown += n;
    }
    fflush(stdout);
}

/* ---- one execution ---- */

static bool failed(const char *what)
{
    complain("cannot trace the program: %s: %s%s", what, strerror(errno),
             errno == EPERM ? " (this system allows no debugger; in a container, allow SYS_PTRACE)" : "");
    return false;
}

/* The process waits until it is held: see lc_debugger_wait(). */
static bool hold(struct tracee *tracee)
{
    struct lc_channel *channel = tracee->template.channel;
    const volatile int32_t *pid = &channel->pid;
    while (*pid == 0) {
        struct pollfd pollfd = {.fd = tracee->template.socket, .events = POLLIN};
        if (poll(&pollfd, 1, 1) > 0 || interrupted())
            return false; /* it ended before its first step */
    }
    if (ptrace(PTRACE_SEIZE, *pid, NULL, (void *)PTRACE_O_EXITKILL) != 0)
        return failed("PTRACE_SEIZE");
    tracee->pid = *pid;
    tracee->stop = TRACEE_RUNS;
    tracee->single_step = false;
    __atomic_store_n(&channel->debugger, 1, __ATOMIC_RELEASE);
    return true;
}

/* Runs it up to a stop that matters: signals are the program's own affair as yet. */
static bool run_up(struct tracee *tracee)
{
    for (;;) {
        for (uint64_t looked_ns = now_ns(); tracee->stop == TRACEE_RUNS; tracee_look(tracee)) {
            usleep(500);
            if (interrupted())
                return false;
            if (now_ns() - looked_ns >= WATCH_INTERVAL_MS * 1000000ull) {
                template_watch(&tracee->template);
                looked_ns = now_ns();
            }
        }
        if (tracee->stop != TRACEE_SIGNAL && tracee->stop != TRACEE_TRAP &&
            tracee->stop != TRACEE_INTERRUPTED)
            return true;
        int signal = tracee->stop == TRACEE_INTERRUPTED ? 0 : tracee->signal;
        tracee->stop = TRACEE_RUNS;
        if (!go_on(tracee, signal))
            return failed("PTRACE_CONT");
    }
}

static bool begin(struct tracee *tracee)
{
    struct lc_channel *channel = tracee->template.channel;
    tracee->output_shown = lseek(tracee->template.output_fd, 0, SEEK_END);
    channel->debugger = 0;
    tracee->settings.stop_at_step = tracee->goal;
    template_begin(&tracee->template, &tracee->settings);
    if (!hold(tracee) || !run_up(tracee)) {
        if (interrupted())
            complain("interrupted");
        return false;
    }
    tracee->goal = 0;
    return true;
}

/* The process is to end now, whatever it does. */
static void end(struct tracee *tracee)
{
    if (tracee->pid > 0) {
        kill(tracee->pid, SIGKILL);
        int status;
        while (waitpid(tracee->pid, &status, __WALL) == tracee->pid && WIFSTOPPED(status))
            ;
        tracee->pid = 0;
    }
    tracee->stop = TRACEE_GONE;
    forget_evidence(tracee);
}

int tracee_open(struct tracee *tracee)
{
    tracee->reader = evidence_reader_new();
    if (template_launch(&tracee->template, tracee->program, &tracee->settings, OUTPUT_CAPTURE) != 0) {
        if (interrupted())
            complain("interrupted");
        return -1;
    }
    if (tracee->template.state != TEMPLATE_READY) {
        complain("%s ended before its checkpoint; \"lockcheck replay\" without --gdb says how",
                 tracee->program->path);
        return -1;
    }
    return begin(tracee) ? 0 : -1;
}

void tracee_close(struct tracee *tracee)
{
    end(tracee);
    template_stop(&tracee->template);
    evidence_reader_free(tracee->reader);
}

static bool begin_anew(struct tracee *tracee)
{
    end(tracee);
    while (tracee->template.state == TEMPLATE_RUNNING) /* the template hears of the end at once */
        template_read(&tracee->template);
    return tracee->template.state == TEMPLATE_READY && begin(tracee);
}

int tracee_resume(struct tracee *tracee, int signal, bool single_step)
{
    struct lc_channel *channel = tracee->template.channel;
    forget_evidence(tracee);
    if (tracee->goal && tracee->goal <= channel->steps)
        return begin_anew(tracee) ? 0 : -1;
    channel->stop_at_step = tracee->goal;
    tracee->goal = 0;
    tracee->stop = TRACEE_RUNS;
    tracee->single_step = single_step;
    if (go_on(tracee, signal))
        return 0;
    failed(single_step ? "PTRACE_SINGLESTEP" : "PTRACE_CONT");
    return -1;
}

/* ---- memory ---- */

static size_t access_memory(const struct tracee *tracee, uint64_t address, char *bytes, size_t count,
                            bool writes)
{
    char *path = print_text("/proc/%d/mem", (int)tracee->pid);
    int fd = open(path, (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    free(path);
    size_t done = 0;
    for (ssize_t n = 1; fd >= 0 && done < count && n > 0; done += n > 0 ? (size_t)n : 0)
        n = writes ? pwrite(fd, bytes + done, count - done, (off_t)(address + done))
                   : pread(fd, bytes + done, count - done, (off_t)(address + done));
    if (fd >= 0)
        close(fd);
    return done;
}

size_t tracee_read(const struct tracee *tracee, uint64_t address, void *bytes, size_t count)
{
    return access_memory(tracee, address, bytes, count, false);
}

size_t tracee_write(const struct tracee *tracee, uint64_t address, const void *bytes, size_t count)
{
    return access_memory(tracee, address, (char *)(uintptr_t)bytes, count, true);
}

/* ---- threads ---- */

uint32_t tracee_running(const struct tracee *tracee)
{
    const struct lc_channel *channel = tracee->template.channel;
    uint64_t thread = 0;
    uint32_t id = 0;
    if (tracee_read(tracee, channel->debug_self, &thread, sizeof thread) != sizeof thread ||
        tracee_read(tracee, thread + channel->debug_self_id, &id, sizeof id) != sizeof id)
        return 0;
    return id;
}

/* Runs debug_tell() to its trap. Other stops on the way there are put off. */
static bool run_teller(struct tracee *tracee, const struct user_regs_struct *before)
{
    struct lc_channel *channel = tracee->template.channel;
    struct user_regs_struct registers = *before;
    registers.rip = channel->debug_tell;
    registers.rsp = channel->debug_tell_stack;
    registers.orig_rax = (unsigned long long)-1; /* no system call to begin again */
    registers.eflags &= ~0x500ull;               /* neither single steps nor backward strings */
    if (ptrace(PTRACE_SETREGS, tracee->pid, NULL, &registers) != 0 ||
        ptrace(PTRACE_CONT, tracee->pid, NULL, NULL) != 0)
        return false;
    uint64_t limit_ns = now_ns() + EVIDENCE_LIMIT_MS * 1000000ull;
    int status;
    pid_t changed;
    while ((changed = waitpid(tracee->pid, &status, __WALL | WNOHANG)) == 0 && now_ns() < limit_ns)
        usleep(200);
    if (changed == 0) {
        ptrace(PTRACE_INTERRUPT, tracee->pid, NULL, NULL);
        changed = waitpid(tracee->pid, &status, __WALL);
    }
    if (changed == tracee->pid && !WIFSTOPPED(status)) {
        tracee->wait_status = status;
        tracee->stop = TRACEE_GONE;
        tracee->pid = 0;
    }
    return changed == tracee->pid && WIFSTOPPED(status) && channel->debug_stop == LC_DEBUG_TOLD;
}

static bool ask_for_evidence(struct tracee *tracee)
{
    static char vectors[XSTATE_SIZE];
    struct lc_channel *channel = tracee->template.channel;
    struct user_regs_struct before;
    struct iovec xstate = {.iov_base = vectors, .iov_len = sizeof vectors};
    if (ptrace(PTRACE_GETREGS, tracee->pid, NULL, &before) != 0 ||
        ptrace(PTRACE_GETREGSET, tracee->pid, (void *)NT_X86_XSTATE, &xstate) != 0)
        return false;
    uint32_t stop = channel->debug_stop;
    channel->evidence_bytes = 0;
    bool told = run_teller(tracee, &before);
    channel->debug_stop = stop;
    if (tracee->pid) {
        ptrace(PTRACE_SETREGS, tracee->pid, NULL, &before);
        ptrace(PTRACE_SETREGSET, tracee->pid, (void *)NT_X86_XSTATE, &xstate);
    }
    return told;
}

const json_t *tracee_evidence(struct tracee *tracee)
{
    if (tracee->evidence || tracee->stop == TRACEE_RUNS || tracee->stop == TRACEE_GONE)
        return tracee->evidence;
    struct lc_channel *channel = tracee->template.channel;
    if (!ask_for_evidence(tracee) || channel->evidence_bytes > LC_EVIDENCE_SIZE)
        return NULL;
    struct execution execution = {
        .summary = print_text("%.*s", (int)sizeof channel->summary, channel->outcome ? channel->summary : ""),
        .evidence_bytes = channel->evidence_bytes};
    execution.evidence = copy_bytes((const char *)channel + LC_EVIDENCE_OFFSET, execution.evidence_bytes);
    make_utf8(execution.evidence, execution.evidence_bytes);
    tracee->evidence = json_loadb(execution.evidence, execution.evidence_bytes, 0, NULL);
    tracee->description = evidence_describe(tracee->reader, &execution);
    execution_free(&execution);
    return tracee->evidence;
}

const json_t *tracee_description(struct tracee *tracee)
{
    tracee_evidence(tracee);
    return tracee->description;
}
