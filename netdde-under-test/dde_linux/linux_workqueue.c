/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work queues, see <linux/workqueue.h>: a list and a thread each.
 *
 * An item's data word: bit 0 says it is pending, the rest counts the _sync cancellations in progress; an item
 * can be queued only while the word is 0. A pending item is in its queue's list, or its timer is pending, or
 * its timer's function is about to put it into the list.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "netdde-under-test/dde_linux/internal.h"

#define WORK_PENDING 1ul
#define WORK_CANCELLING 2ul /* one unit */

struct workqueue_struct {
    struct list_head all; /* in all_queues */
    struct list_head items;
    int delayed;                 /* items whose timers are pending, or about to put them into the list */
    struct work_struct *running; /* compared, never followed: its function may free the item */
    struct task_struct *worker;
    ddekit_sem_t *wake; /* upped once by whoever changes idle to false */
    bool idle;          /* the worker has found the list empty, and sleeps or is about to */
    bool stop;
    wait_queue_head_t done; /* woken after each item while somebody waits */
};

struct workqueue_struct *system_wq;

static DEFINE_SPINLOCK(work_lock); /* all queues and the state of all items */
static LIST_HEAD(all_queues);

/* Under the lock. Returns whether the worker has to be woken. */
static bool take_idle(struct workqueue_struct *wq)
{
    bool idle = wq->idle;

    wq->idle = false;
    return idle;
}

static bool append(struct workqueue_struct *wq, struct work_struct *work)
{
    if (work->entry.next)
        return false;
    work->queue = wq;
    list_add_tail(&work->entry, &wq->items);
    note_pending(&work->entry);
    return take_idle(wq);
}

/* Wait for something to do, under the lock. False when the worker is to end. */
static bool worker_wait(struct workqueue_struct *wq)
{
    while (list_empty(&wq->items)) {
        if (wq->stop)
            return false;
        wq->idle = true;
        spin_unlock_irq(&work_lock);
        ddekit_sem_down(wq->wake);
        spin_lock_irq(&work_lock);
    }
    return true;
}

/* What an item takes it gives back before it returns; if not, the next ones are to run without. */
static void drop_leaked_context(void)
{
    struct task_struct *task = current;

    if (!report_leaked_context("work"))
        return;
    task->irqs_off = task->softirqs_off = 0;
    while (task->rcu_nesting > 0)
        rcu_read_unlock();
}

static int worker_main(void *data)
{
    struct workqueue_struct *wq = data;

    spin_lock_irq(&work_lock);
    while (worker_wait(wq)) {
        struct work_struct *work = list_first_entry(&wq->items, struct work_struct, entry);
        work_func_t func = work->func;

        list_del(&work->entry);
        wq->running = work;
        __atomic_fetch_and(&work->data, ~WORK_PENDING, __ATOMIC_SEQ_CST);
        spin_unlock_irq(&work_lock);
        func(work);
        drop_leaked_context();
        spin_lock_irq(&work_lock);
        wq->running = NULL;
        if (waitqueue_active(&wq->done))
            wake_up_all(&wq->done);
    }
    spin_unlock_irq(&work_lock);
    return 0;
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags __always_unused,
                                         int max_active __always_unused)
{
    struct workqueue_struct *wq = kzalloc(sizeof(*wq), GFP_KERNEL);

    if (!wq)
        return NULL;
    INIT_LIST_HEAD(&wq->items);
    init_waitqueue_head(&wq->done);
    wq->wake = ddekit_sem_init(0);
    ddekit_sem_set_name(wq->wake, name);
    wq->worker = kthread_create(worker_main, wq, "%s", name);
    if (IS_ERR(wq->worker)) {
        ddekit_sem_deinit(wq->wake);
        kfree(wq);
        return NULL;
    }
    spin_lock_irq(&work_lock);
    list_add_tail(&wq->all, &all_queues);
    spin_unlock_irq(&work_lock);
    wake_up_process(wq->worker);
    return wq;
}

void destroy_workqueue(struct workqueue_struct *wq)
{
    bool wake;

    spin_lock_irq(&work_lock);
    wq->stop = true;
    list_del(&wq->all);
    wake = take_idle(wq);
    /* Keep the record: the worker may end by itself before it is told to. */
    atomic_inc(&wq->worker->usage);
    spin_unlock_irq(&work_lock);
    if (wake)
        ddekit_sem_up(wq->wake);
    wait_for_completion(&wq->worker->exited);
    WARN(wq->delayed, "a work queue is destroyed while %d items for it wait for their time", wq->delayed);
    task_put(wq->worker);
    ddekit_sem_deinit(wq->wake);
    kfree(wq);
}

bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
    bool queued = false, wake = false;

    spin_lock_irq(&work_lock);
    if (work->data == 0) {
        __atomic_store_n(&work->data, WORK_PENDING, __ATOMIC_SEQ_CST);
        wake = append(wq, work);
        queued = true;
    }
    spin_unlock_irq(&work_lock);
    if (wake)
        ddekit_sem_up(wq->wake);
    return queued;
}

/* Under the lock: its timer has expired or been deleted. */
static bool append_delayed(struct delayed_work *dwork)
{
    dwork->wq->delayed--;
    return append(dwork->wq, &dwork->work);
}

static void delayed_work_timer(struct timer_list *timer)
{
    struct delayed_work *dwork = from_timer(dwork, timer, timer);
    struct workqueue_struct *wq;
    bool wake;

    spin_lock_irq(&work_lock);
    wq = dwork->wq;
    /* Not pending: somebody has initialised the item anew meanwhile. */
    wake = (dwork->work.data & WORK_PENDING) && append_delayed(dwork);
    spin_unlock_irq(&work_lock);
    if (wake)
        ddekit_sem_up(wq->wake);
}

/* Under the lock: make an item that is not pending pending. Returns whether the worker has to be woken. */
static bool start_delayed(struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
    __atomic_fetch_or(&dwork->work.data, WORK_PENDING, __ATOMIC_SEQ_CST);
    dwork->wq = wq;
    if (delay == 0)
        return append(wq, &dwork->work);
    wq->delayed++;
    mod_timer(&dwork->timer, jiffies + delay);
    return false;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
    bool queued = false, wake = false;

    spin_lock_irq(&work_lock);
    if (dwork->work.data == 0) {
        wake = start_delayed(wq, dwork, delay);
        queued = true;
    }
    spin_unlock_irq(&work_lock);
    if (wake)
        ddekit_sem_up(wq->wake);
    return queued;
}

/* Under the lock: take a pending item back. False when it is not pending, or in the hands of its timer's
 * function (it is still pending then). */
static bool take_back(struct work_struct *work, struct timer_list *timer)
{
    if (!(work->data & WORK_PENDING))
        return false;
    if (work->entry.next)
        list_del(&work->entry);
    else if (timer && del_timer(timer))
        container_of(timer, struct delayed_work, timer)->wq->delayed--;
    else
        return false;
    __atomic_fetch_and(&work->data, ~WORK_PENDING, __ATOMIC_SEQ_CST);
    return true;
}

/* The same until it is not pending, with the lock held at the end, too. Returns whether it was pending. */
static bool cancel_locked(struct work_struct *work, struct timer_list *timer)
{
    bool was_pending = false;

    while (work->data & WORK_PENDING) {
        was_pending = take_back(work, timer);
        if (was_pending || !timer)
            break;
        /* Its timer's function is on the way to the lock. Only wait for it: by the time it has been there the
         * item may have run and started the timer again. */
        spin_unlock_irq(&work_lock);
        timer_wait_function(timer);
        spin_lock_irq(&work_lock);
    }
    return was_pending;
}

static bool is_busy(struct work_struct *work, bool also_queued)
{
    bool busy;

    spin_lock_irq(&work_lock);
    busy = work->queue && work->queue->running == work && work->queue->worker != current;
    busy |= also_queued && work->entry.next;
    spin_unlock_irq(&work_lock);
    return busy;
}

static void check_other(const struct work_struct *work)
{
    bool itself;

    spin_lock_irq(&work_lock);
    itself = work->queue && work->queue->worker == current && work->queue->running == work;
    spin_unlock_irq(&work_lock);
    if (itself)
        report_wait_for_itself("the work");
}

static void wait_until_done(struct work_struct *work, bool also_queued)
{
    if (work->queue)
        wait_event(work->queue->done, !is_busy(work, also_queued));
}

static bool cancel_sync(struct work_struct *work, struct timer_list *timer)
{
    bool was_pending;

    might_sleep();
    check_other(work);
    spin_lock_irq(&work_lock);
    __atomic_fetch_add(&work->data, WORK_CANCELLING, __ATOMIC_SEQ_CST);
    was_pending = cancel_locked(work, timer);
    spin_unlock_irq(&work_lock);
    wait_until_done(work, false);
    __atomic_fetch_sub(&work->data, WORK_CANCELLING, __ATOMIC_SEQ_CST);
    return was_pending;
}

bool cancel_work_sync(struct work_struct *work)
{
    return cancel_sync(work, NULL);
}

bool cancel_delayed_work_sync(struct delayed_work *dwork)
{
    return cancel_sync(&dwork->work, &dwork->timer);
}

bool cancel_delayed_work(struct delayed_work *dwork)
{
    bool was_pending;

    spin_lock_irq(&work_lock);
    was_pending = cancel_locked(&dwork->work, &dwork->timer);
    spin_unlock_irq(&work_lock);
    return was_pending;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *dwork, unsigned long delay)
{
    bool was_pending, wake = false;

    spin_lock_irq(&work_lock);
    was_pending = cancel_locked(&dwork->work, &dwork->timer);
    if (dwork->work.data == 0)
        wake = start_delayed(wq, dwork, delay);
    spin_unlock_irq(&work_lock);
    if (wake)
        ddekit_sem_up(wq->wake);
    return was_pending;
}

bool flush_work(struct work_struct *work)
{
    bool busy;

    might_sleep();
    check_other(work);
    busy = is_busy(work, true);
    if (busy)
        wait_until_done(work, true);
    return busy;
}

bool flush_delayed_work(struct delayed_work *dwork)
{
    bool wake = false, late = false;

    spin_lock_irq(&work_lock);
    if ((dwork->work.data & WORK_PENDING) && !dwork->work.entry.next) {
        late = !del_timer(&dwork->timer);
        wake = !late && append_delayed(dwork);
    }
    spin_unlock_irq(&work_lock);
    if (late) /* its timer's function is on the way to the lock */
        timer_wait_function(&dwork->timer);
    if (wake)
        ddekit_sem_up(dwork->wq->wake);
    return flush_work(&dwork->work);
}

struct flush_item {
    struct work_struct work;
    struct completion done;
};

static void flush_reached(struct work_struct *work)
{
    complete(&container_of(work, struct flush_item, work)->done);
}

void flush_workqueue(struct workqueue_struct *wq)
{
    struct flush_item item;

    INIT_WORK(&item.work, flush_reached);
    init_completion(&item.done);
    queue_work(wq, &item.work);
    wait_for_completion(&item.done);
}

/* Under the lock. What the entry says cannot be trusted: the memory may be new. */
static bool is_queued(const struct work_struct *work)
{
    struct workqueue_struct *wq;
    const struct list_head *entry;

    list_for_each_entry(wq, &all_queues, all)
    {
        list_for_each(entry, &wq->items)
        {
            if (entry == &work->entry)
                return true;
        }
    }
    return false;
}

bool work_lies_in(const void *memory, size_t size, bool also_running)
{
    const struct workqueue_struct *wq;
    bool lies = false;

    spin_lock_irq(&work_lock);
    list_for_each_entry(wq, &all_queues, all)
    {
        lies |= list_reaches_into(&wq->items, memory, size);
        /* An item's own function may free it. */
        lies |= also_running && wq->worker != current && lies_in(wq->running, memory, size);
    }
    spin_unlock_irq(&work_lock);
    return lies;
}

/* Printed only: 8139too makes this mistake when its transmitter times out again before the worker has run
 * what it has queued the time before. */
static void tell_of_pending(void)
{
    pr_warn("a pending work item is initialised again\n");
}

void linux_init_work(struct work_struct *work, work_func_t func)
{
    spin_lock_irq(&work_lock);
    if (is_queued(work)) {
        list_del(&work->entry);
        tell_of_pending();
    }
    work->data = 0;
    work->entry.next = work->entry.prev = NULL;
    work->queue = NULL;
    work->func = func;
    spin_unlock_irq(&work_lock);
}

void linux_init_delayed_work(struct delayed_work *dwork, work_func_t func)
{
    linux_init_work(&dwork->work, func);
    if (timer_setup_anyway(&dwork->timer, delayed_work_timer, TIMER_IRQSAFE))
        tell_of_pending();
}

void workqueue_init(void)
{
    system_wq = alloc_workqueue("events", 0, 0);
    if (!system_wq)
        BUG();
}
