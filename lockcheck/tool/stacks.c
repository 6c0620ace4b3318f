/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks of a running process: see stacks.h. */
#include "lockcheck/tool/stacks.h"
#include "lockcheck/tool/text.h"

#include <dirent.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_NS                                                                                              \
    500000000ull /* a thread that has not stopped by then will not: it is in a system call that              \
                    nothing ends, such as vfork() */
#define STOP_POLL_US 200

/* ---- stopping ---- */

static bool knows(const struct stacks *stacks, pid_t tid)
{
    for (size_t i = 0; i < stacks->count; i++)
        if (stacks->threads[i].tid == tid)
            return true;
    return false;
}

/* Another command may be at it just now; a debugger will stay. */
static bool seize(pid_t tid, uint64_t deadline)
{
    while (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0) {
        if (errno != EPERM || now_ns() > deadline)
            return false;
        usleep(STOP_POLL_US);
    }
    return true;
}

/* Seizes threads that are not yet known. Returns whether there were any. */
static bool seize_new(struct stacks *stacks, uint64_t deadline)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", stacks->pid);
    DIR *tasks = opendir(path);
    bool any = false;
    for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
        pid_t tid = atoi(entry->d_name);
        if (tid <= 0 || knows(stacks, tid))
            continue;
        struct stack stack = {.tid = tid};
        /* Negative: on its way. */
        if (seize(tid, deadline))
            stack.stopped = ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 ? -1 : 0;
        stacks->threads = reallocate(stacks->threads, (stacks->count + 1) * sizeof *stacks->threads);
        stacks->threads[stacks->count++] = stack;
        any = true;
    }
    if (tasks)
        closedir(tasks);
    return any;
}

/* Waits for stops only: the end of the process is for others to hear of. */
static void await_stop(struct stack *stack, uint64_t deadline)
{
    siginfo_t info;
    while (stack->stopped < 0) {
        info.si_pid = 0;
        if (waitid(P_PID, (id_t)stack->tid, &info, WSTOPPED | WNOHANG | __WALL) != 0 && errno != EINTR) {
            stack->stopped = 0;
        } else if (info.si_pid == stack->tid) {
            stack->stopped = 1;
            /* Stopped on its way to a signal, which it must not lose. */
            if (info.si_status >> 8 == 0)
                stack->signal = info.si_status & 0x7f;
        } else if (now_ns() > deadline) {
            return;
        } else {
            usleep(STOP_POLL_US);
        }
    }
}

void stacks_stop(struct stacks *stacks, pid_t pid)
{
    *stacks = (struct stacks){.pid = pid};
    uint64_t deadline = now_ns() + STOP_NS;
    /* Until all are stopped, those that are not may make more. */
    while (seize_new(stacks, deadline))
        for (size_t i = 0; i < stacks->count; i++)
            await_stop(&stacks->threads[i], deadline);
}

void stacks_resume(struct stacks *stacks)
{
    for (size_t i = 0; i < stacks->count; i++) {
        struct stack *stack = &stacks->threads[i];
        /* Only what is stopped can be let go; what came too late is awaited once more. */
        if (stack->stopped < 0)
            await_stop(stack, now_ns() + STOP_NS);
        if (stack->stopped > 0)
            ptrace(PTRACE_DETACH, stack->tid, NULL, (void *)(intptr_t)stack->signal);
    }
    free(stacks->threads);
    *stacks = (struct stacks){0};
}

/* ---- unwinding ---- */

static int take_frame(Dwfl_Frame *frame, void *argument)
{
    struct stack *stack = argument;
    Dwarf_Addr pc;
    bool exact;
    if (!dwfl_frame_pc(frame, &pc, &exact) || stack->count == STACK_FRAMES)
        return DWARF_CB_ABORT;
    if (exact)
        stack->interrupted = stack->count;
    /* Readers take one off each address, to be within the call. */
    stack->pcs[stack->count++] = pc + exact;
    return DWARF_CB_OK;
}

void stacks_take(struct stacks *stacks, pid_t tid)
{
    static const Dwfl_Callbacks callbacks = {
        .find_elf = dwfl_linux_proc_find_elf,
        .find_debuginfo = dwfl_standard_find_debuginfo,
    };
    unsetenv("DEBUGINFOD_URLS"); /* a report is never to wait for the network */
    Dwfl *dwfl = dwfl_begin(&callbacks);
    bool usable = dwfl && dwfl_linux_proc_report(dwfl, tid) == 0 && dwfl_report_end(dwfl, NULL, NULL) == 0 &&
                  dwfl_linux_proc_attach(dwfl, tid, true) == 0;
    for (size_t i = 0; usable && i < stacks->count; i++)
        if (stacks->threads[i].stopped > 0)
            dwfl_getthread_frames(dwfl, stacks->threads[i].tid, take_frame, &stacks->threads[i]);
    if (dwfl)
        dwfl_end(dwfl);
}

const struct stack *stacks_of(const struct stacks *stacks, pid_t tid)
{
    for (size_t i = 0; i < stacks->count; i++)
        if (stacks->threads[i].tid == tid)
            return &stacks->threads[i];
    return NULL;
}
