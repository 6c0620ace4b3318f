/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/workqueue.h>. Each workqueue has one thread, so the items of a queue never run at the
 * same time. Flags and limits of concurrency are accepted and mean nothing.
 */
#ifndef DDE_LINUX_WORKQUEUE_H
#define DDE_LINUX_WORKQUEUE_H

#include <linux/list.h>
#include <linux/timer.h>

struct work_struct;
struct workqueue_struct;
typedef void (*work_func_t)(struct work_struct *work);

struct work_struct {
    unsigned long data;             /* bit 0: pending, changed only atomically */
    struct list_head entry;         /* in its queue's list; next is null when not in it */
    struct workqueue_struct *queue; /* the one it was put into last */
    work_func_t func;
};

struct delayed_work {
    struct work_struct work;
    struct timer_list timer;
    struct workqueue_struct *wq;
};

extern struct workqueue_struct *system_wq; /* "events" */

/* An item that is pending is first taken back; Linux would corrupt its lists. */
void linux_init_work(struct work_struct *work, work_func_t func);
void linux_init_delayed_work(struct delayed_work *dwork, work_func_t func);
#define INIT_WORK(work, func) linux_init_work((work), (func))
#define INIT_DELAYED_WORK(dwork, func) linux_init_delayed_work((dwork), (func))

#define to_delayed_work(w) container_of(w, struct delayed_work, work)

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags, int max_active);
#define create_singlethread_workqueue(name) alloc_workqueue((name), 0, 1)
#define create_workqueue(name) alloc_workqueue((name), 0, 1)
#define alloc_ordered_workqueue(name, flags) alloc_workqueue((name), (flags), 1)
/* Runs what is pending and ends the thread. No item may be queued any more. */
void destroy_workqueue(struct workqueue_struct *wq);

/* False when the item was pending already (the delay then stays what it was). delay in jiffies. */
bool queue_work(struct workqueue_struct *wq, struct work_struct *work);
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay);
/* Set the delay, whether it was pending or not. Returns whether it was. */
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay);

/* Take an item back. Returns whether it was pending. The _sync forms also wait until its function does not
 * run, and keep it from queueing itself meanwhile. */
bool cancel_work_sync(struct work_struct *work);
bool cancel_delayed_work(struct delayed_work *dwork);
bool cancel_delayed_work_sync(struct delayed_work *dwork);

/* Wait until the item is neither pending nor running (delayed: start it now). Returns whether it had to. */
bool flush_work(struct work_struct *work);
bool flush_delayed_work(struct delayed_work *dwork);
/* Wait until everything that is queued now has run. */
void flush_workqueue(struct workqueue_struct *wq);

static inline bool work_pending(const struct work_struct *work)
{
    return __atomic_load_n(&work->data, __ATOMIC_SEQ_CST) & 1;
}

#define delayed_work_pending(dwork) work_pending(&(dwork)->work)

static inline bool schedule_work(struct work_struct *work)
{
    return queue_work(system_wq, work);
}

static inline bool schedule_delayed_work(struct delayed_work *dwork, unsigned long delay)
{
    return queue_delayed_work(system_wq, dwork, delay);
}

#define flush_scheduled_work() flush_workqueue(system_wq)

#endif
