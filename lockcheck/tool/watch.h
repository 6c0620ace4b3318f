/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that runs natively under liblockcheck-native.so, seen from outside: its record, and what it
 * proves.
 *
 * deadlock: a cycle in the wait-for graph (as in lockcheck/detect/deadlock.c) of threads that all were in the
 * same waits at two looks in a row, asleep in the kernel at the very locks, without having been on a
 * processor in between. By the rules of lockcheck/native/record.h no such cycle can dissolve, so there are no
 * false ones. A wait with a time-out is no edge, and neither is one that others than threads of the process
 * could end.
 *
 * hang: the same of all threads of the process, whatever they wait for, if only a thread can end the wait: no
 * memory that is shared with other processes, no handlers of signals where there is a semaphore or a futex
 * that they may post, and no thread that is not in the record. A program that waits in the kernel for what
 * may come from outside never counts.
 */
#ifndef LOCKCHECK_TOOL_WATCH_H
#define LOCKCHECK_TOOL_WATCH_H

#include "lockcheck/native/record.h"

#include <stdbool.h>
#include <sys/types.h>

#define WATCH_CYCLE 64u /* threads of a deadlock */

/* A thread's state, by the kernel. */
struct task_state {
    char state;        /* as in proc(5), 0: it is gone */
    uint64_t switches; /* how often it has left a processor */
    long system_call;  /* its number, -1: none or not known */
    uint64_t argument; /* the first */
};

struct watched {
    pid_t pid;
    pid_t tid;       /* the thread through which it is read: a main thread may end before the others */
    uint64_t record; /* address of its struct lcn_record */
    uint32_t used;   /* records of threads that have been in use */
    uint32_t lost;   /* threads that are in none */
    struct lcn_report report;
    struct lcn_wait *waits, *before; /* at this look and at the last; `used` and `used_before` of them */
    uint32_t used_before;
    unsigned quiet; /* looks in a row at which all threads were in the same waits */
    bool entangled; /* at the last look there was a cycle, whether its threads slept or not */
    /* What the last look made likely, for the next to prove. */
    struct suspicion {
        uint32_t count; /* 0: none */
        uint32_t threads[WATCH_CYCLE];
        uint64_t numbers[WATCH_CYCLE], switches[WATCH_CYCLE];
    } cycle;
    struct stillness {
        uint32_t count;
        uint64_t checksum; /* over all threads' waits and switches */
    } still;
};

/* Where the record of a process is. Returns 0 with errno: ESRCH when there is no such process, EACCES when it
 * is not to be looked into, ENOEXEC when it does not have the library. */
uint64_t watched_find(pid_t pid);

/* A process whose record is at that address. Free with watched_free(). */
void watched_init(struct watched *watched, pid_t pid, uint64_t record);
void watched_free(struct watched *watched);

/* Reads the process's memory. Returns 0, or -1 with errno. */
int watched_read(const struct watched *watched, uint64_t address, void *to, size_t bytes);

/* Reads the waits anew. Returns 0, or -1 with errno: ESRCH when the process is gone, EPERM when it is not to
 * be looked into, EPROTO when there is no record of this version. */
int watched_look(struct watched *watched);

/* The whole record of thread number i of `waits`. Returns 0, or -1 with errno. */
int watched_thread(const struct watched *watched, uint32_t i, struct lcn_thread *thread);

void watched_task(const struct watched *watched, pid_t tid, struct task_state *state);

/* Is the thread asleep at that object? size: bytes of it. */
bool asleep_at(const struct task_state *state, uint64_t object, enum lcn_kind kind);

/* What the thread waits for, of what kind and how, also when it has left a condition and wants the mutex
 * back. state: the kernel's, or NULL to ask it where it matters. Returns false when it waits for nothing or
 * not for ever. */
struct effective_wait {
    uint64_t object;
    enum lcn_op op;
    enum lcn_kind kind;
};
bool watched_wait(const struct watched *watched, uint32_t i, const struct task_state *state,
                  struct effective_wait *wait);

/* To be called after each watched_look(): is a deadlock, or a hang, proved? The deadlock's threads are in
 * watched->cycle, each waiting for the next. */
bool watched_deadlock(struct watched *watched);
bool watched_hang(struct watched *watched);

#endif
