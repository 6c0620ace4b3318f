/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/sched.h>: what a thread is to Linux code, and how it sleeps.
 *
 * A thread sleeps on a DDEKit semaphore of its own. Whoever wakes it first claims it, by changing its state
 * to TASK_RUNNING atomically, and only then ups the semaphore: each sleep gets one token at most, and the
 * sleeper takes the token of a claim that came while it decided not to sleep after all (or timed out). No
 * token is ever left for a later sleep.
 */
#ifndef DDE_LINUX_SCHED_H
#define DDE_LINUX_SCHED_H

#include <linux/jiffies.h>
#include <linux/types.h>
#include <asm/processor.h>

#define TASK_RUNNING 0x0000
#define TASK_INTERRUPTIBLE 0x0001
#define TASK_UNINTERRUPTIBLE 0x0002
#define TASK_NORMAL (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)
#define MAX_SCHEDULE_TIMEOUT LONG_MAX

struct task_struct;

struct task_struct *get_current(void);
#define current get_current()

/* First set the state, then look at what is waited for, then call schedule(). */
void set_current_state(long state);
#define __set_current_state(state) set_current_state(state)

/* Sleep until woken, when the state says so; otherwise let others run. The state is TASK_RUNNING afterwards.
 */
void schedule(void);
/* The same for at most timeout jiffies. Returns the jiffies left, 0 when the time was over. */
long schedule_timeout(long timeout);
long schedule_timeout_interruptible(long timeout);
long schedule_timeout_uninterruptible(long timeout);

/* Wake a thread that sleeps, or is about to. Returns 1 when it did, 0 when the thread was running. */
int wake_up_process(struct task_struct *task);

/* Let others run. */
#define yield() cpu_relax()
#define cond_resched() ({ 0; })
#define signal_pending(task) ((void)(task), 0)

#endif
