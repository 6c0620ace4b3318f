/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/kthread.h>. Kernel threads are DDEKit threads named .kthreadN, N counting from 1; the
 * name given here is what messages use.
 */
#ifndef DDE_LINUX_KTHREAD_H
#define DDE_LINUX_KTHREAD_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/sched.h>

/* A thread that starts threadfn(data) at its first wake_up_process; ERR_PTR(-ENOMEM) when none can be made.
 */
__printf(3, 4) struct task_struct *kthread_create(int (*threadfn)(void *data), void *data,
                                                  const char *namefmt, ...);

#define kthread_run(threadfn, data, namefmt, ...)                                                            \
    ({                                                                                                       \
        struct task_struct *__task = kthread_create(threadfn, data, namefmt, ##__VA_ARGS__);                 \
        if (!IS_ERR(__task))                                                                                 \
            wake_up_process(__task);                                                                         \
        __task;                                                                                              \
    })

/* Make kthread_should_stop() true, wake the thread and wait for its end. Returns what threadfn returned. The
 * thread must not have ended by itself. */
int kthread_stop(struct task_struct *task);
bool kthread_should_stop(void);

#endif
