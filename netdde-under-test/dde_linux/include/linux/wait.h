/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/wait.h>: wait queues. One lock serves all of them, so that a queue may live on a stack.
 * There are no signals: the interruptible forms always return 0 (or the time left).
 */
#ifndef DDE_LINUX_WAIT_H
#define DDE_LINUX_WAIT_H

#include <limits.h>
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/sched.h>

typedef struct wait_queue_head {
    struct list_head head;
    atomic_t waiters; /* entries in the list, for those who look without the lock */
} wait_queue_head_t;

struct wait_queue_entry {
    struct task_struct *task;
    wait_queue_head_t *queue; /* the one it is in */
    struct list_head entry;   /* next is null when not queued */
};

#define WAIT_QUEUE_HEAD_INIT(name)                                                                           \
    {                                                                                                        \
        LIST_HEAD_INIT((name).head), ATOMIC_INIT(0)                                                          \
    }
#define DECLARE_WAIT_QUEUE_HEAD(name) wait_queue_head_t name = WAIT_QUEUE_HEAD_INIT(name)
#define DEFINE_WAIT(name) struct wait_queue_entry name = {.task = current}

static inline void init_waitqueue_head(wait_queue_head_t *wq)
{
    INIT_LIST_HEAD(&wq->head);
    atomic_set(&wq->waiters, 0);
}

/* Queue the entry if it is not, and set the thread's state. */
void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry, int state);
void finish_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry);

/* Wake every thread in the queue. */
void wake_up_all(wait_queue_head_t *wq);
/* No entry here is exclusive, so both wake all, as in Linux. */
#define wake_up(wq) wake_up_all(wq)
#define wake_up_interruptible(wq) wake_up_all(wq)

/* Whether a thread may be waiting. Fully ordered against what the caller did before. */
bool waitqueue_active(wait_queue_head_t *wq);

/* Wait, each time by `sleep`. */
#define __wait_event(wq, condition, sleep)                                                                   \
    do {                                                                                                     \
        DEFINE_WAIT(__wait);                                                                                 \
        for (;;) {                                                                                           \
            prepare_to_wait(&(wq), &__wait, TASK_UNINTERRUPTIBLE);                                           \
            if (condition)                                                                                   \
                break;                                                                                       \
            sleep;                                                                                           \
        }                                                                                                    \
        finish_wait(&(wq), &__wait);                                                                         \
    } while (0)

#define wait_event(wq, condition)                                                                            \
    do {                                                                                                     \
        might_sleep();                                                                                       \
        if (condition)                                                                                       \
            break;                                                                                           \
        __wait_event(wq, condition, schedule());                                                             \
    } while (0)

/* The jiffies left, at least 1, when the condition became true; 0 when the time was over before. */
#define wait_event_timeout(wq, condition, timeout)                                                           \
    ({                                                                                                       \
        long __left = (timeout);                                                                             \
        might_sleep();                                                                                       \
        DEFINE_WAIT(__wait);                                                                                 \
        for (;;) {                                                                                           \
            prepare_to_wait(&(wq), &__wait, TASK_UNINTERRUPTIBLE);                                           \
            if (condition) {                                                                                 \
                if (__left == 0)                                                                             \
                    __left = 1;                                                                              \
                break;                                                                                       \
            }                                                                                                \
            if (__left == 0)                                                                                 \
                break;                                                                                       \
            __left = schedule_timeout(__left);                                                               \
        }                                                                                                    \
        finish_wait(&(wq), &__wait);                                                                         \
        __left;                                                                                              \
    })

#define wait_event_interruptible(wq, condition)                                                              \
    ({                                                                                                       \
        wait_event(wq, condition);                                                                           \
        0;                                                                                                   \
    })
#define wait_event_interruptible_timeout(wq, condition, timeout) wait_event_timeout(wq, condition, timeout)

#endif
