/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks of all threads of a running process, by ptrace(2) and libdw's unwinder, at one moment: all threads
 * are stopped before the first stack is taken. Nothing runs inside of the process for it.
 *
 * A system call that a stopped thread is in is restarted by the kernel, but for a few that end with EINTR
 * (epoll_wait and its relatives), as after any stop: see signal(7).
 */
#ifndef LOCKCHECK_TOOL_STACKS_H
#define LOCKCHECK_TOOL_STACKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STACK_FRAMES 48u

struct stack {
    pid_t tid;
    uint32_t count;
    uint32_t interrupted;       /* frames above that which a signal has interrupted; 0: none has */
    uint64_t pcs[STACK_FRAMES]; /* innermost first; return addresses, or one more than where it was stopped */
    int stopped;                /* it could be */
    int signal;                 /* to be given to it when it goes on */
};

struct stacks {
    pid_t pid;
    size_t count;
    struct stack *threads;
};

/* Stops all threads. What cannot be stopped, because it may not be or does not react, has stopped 0. */
void stacks_stop(struct stacks *stacks, pid_t pid);
/* Takes the stacks of those that are stopped. tid: one that has not ended. */
void stacks_take(struct stacks *stacks, pid_t tid);
/* Lets all go on, and frees what there is. */
void stacks_resume(struct stacks *stacks);

const struct stack *stacks_of(const struct stacks *stacks, pid_t tid);

#endif
