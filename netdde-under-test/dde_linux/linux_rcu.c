/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-copy-update with two reader counters, after Paul E. McKenney's "Sleepable RCU" (LWN, 2006).
 *
 * A reader enters the counter that is current. synchronize_rcu makes the other one current and waits until
 * the old one is empty; it does so twice, because a reader may have picked its counter before the first
 * change and entered it only after the wait.
 *
 * Callbacks wait in a list that work of the "events" worker takes as a whole; when it has waited for the
 * readers the softirq calls them.
 *
 * Left out: expedited and polled grace periods.
 */
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "netdde-under-test/dde_linux/internal.h"

static atomic_t readers[2];
static int current_index;              /* 0 or 1; written under synchronize_mutex, atomically */
static atomic_t waiting;               /* whether a synchronize_rcu waits */
static DECLARE_WAIT_QUEUE_HEAD(empty); /* woken when a counter becomes 0 while somebody waits */
static DEFINE_MUTEX(synchronize_mutex);

void rcu_read_lock(void)
{
    struct task_struct *task = current;

    if (task->rcu_nesting++ > 0)
        return;
    task->rcu_index = __atomic_load_n(&current_index, __ATOMIC_SEQ_CST);
    atomic_inc(&readers[task->rcu_index]);
}

void rcu_read_unlock(void)
{
    struct task_struct *task = current;

    if (WARN(task->rcu_nesting == 0, "rcu_read_unlock outside of a read side\n") || --task->rcu_nesting > 0)
        return;
    if (atomic_dec_and_test(&readers[task->rcu_index]) && atomic_read(&waiting))
        wake_up_all(&empty);
}

static void flip_and_wait(void)
{
    int old = current_index;

    __atomic_store_n(&current_index, 1 - old, __ATOMIC_SEQ_CST);
    wait_event(empty, atomic_read(&readers[old]) == 0);
}

void synchronize_rcu(void)
{
    mutex_lock(&synchronize_mutex);
    atomic_set(&waiting, 1);
    flip_and_wait();
    flip_and_wait();
    atomic_set(&waiting, 0);
    mutex_unlock(&synchronize_mutex);
}

/* --- Callbacks ----------------------------------------------------------------------------------------- */

/* In the order of the calls. */
struct callbacks {
    struct rcu_head *first, **last;
};

static DEFINE_SPINLOCK(callbacks_lock); /* both lists */
static struct callbacks waiting_for_readers = {.last = &waiting_for_readers.first};
static struct callbacks ready = {.last = &ready.first};
static struct work_struct grace_period;

/* Under the lock, as the next. */
static void append(struct callbacks *to, struct rcu_head *first, struct rcu_head **last)
{
    *to->last = first;
    to->last = last;
}

/* Returns the first. */
static struct rcu_head *take_all(struct callbacks *from, struct rcu_head ***last)
{
    struct rcu_head *first = from->first;

    *last = from->last;
    *from = (struct callbacks){.last = &from->first};
    return first;
}

void call_rcu(struct rcu_head *head, rcu_callback_t func)
{
    unsigned long flags;

    head->next = NULL;
    head->func = func;
    spin_lock_irqsave(&callbacks_lock, flags);
    append(&waiting_for_readers, head, &head->next);
    spin_unlock_irqrestore(&callbacks_lock, flags);
    schedule_work(&grace_period);
}

static void wait_for_readers(struct work_struct *work __always_unused)
{
    struct rcu_head *first, **last;

    spin_lock_irq(&callbacks_lock);
    first = take_all(&waiting_for_readers, &last);
    spin_unlock_irq(&callbacks_lock);
    if (!first)
        return;
    synchronize_rcu();
    spin_lock_irq(&callbacks_lock);
    append(&ready, first, last);
    spin_unlock_irq(&callbacks_lock);
    raise_softirq(RCU_SOFTIRQ);
}

/* An offset in the place of a function: what lies there is to be freed. No function is at such an address. */
#define OFFSETS_END 4096u

static void call_back(struct rcu_head *head)
{
    uintptr_t offset = (uintptr_t)head->func;

    if (offset < OFFSETS_END)
        kfree((char *)head - offset);
    else
        head->func(head);
}

static void call_callbacks(void)
{
    struct rcu_head *head, **last;

    spin_lock_irq(&callbacks_lock);
    head = take_all(&ready, &last);
    spin_unlock_irq(&callbacks_lock);
    while (head) {
        struct rcu_head *next = head->next; /* it may be freed */

        call_back(head);
        head = next;
    }
}

void linux_kfree_rcu(struct rcu_head *head, size_t offset)
{
    BUG_ON(offset >= OFFSETS_END);
    call_rcu(head, (rcu_callback_t)offset);
}

/* Callbacks are called in their order. */
struct barrier {
    struct rcu_head head;
    struct completion reached;
};

static void reach(struct rcu_head *head)
{
    complete(&container_of(head, struct barrier, head)->reached);
}

void rcu_barrier(void)
{
    struct barrier barrier;

    init_completion(&barrier.reached);
    call_rcu(&barrier.head, reach);
    wait_for_completion(&barrier.reached);
}

void rcu_init(void)
{
    INIT_WORK(&grace_period, wait_for_readers);
    open_softirq(RCU_SOFTIRQ, call_callbacks);
}
