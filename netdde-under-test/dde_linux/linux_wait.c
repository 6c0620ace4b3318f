/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wait queues and completions, see <linux/wait.h> and <linux/completion.h>.
 *
 * One lock covers all of them. It is held while threads are woken, and every waiter takes it once more before
 * it leaves, so that no waker uses a queue or an entry whose owner has gone on.
 */
#include <limits.h>

#include <linux/completion.h>
#include <linux/spinlock.h>

#include "netdde-under-test/dde_linux/internal.h"

static ddekit_lock_t lock;

void wait_init(void)
{
    ddekit_lock_init_unlocked(&lock);
    ddekit_lock_set_name(&lock, "wait_lock");
}

void wait_lock(void)
{
    ddekit_lock_lock(&lock);
}

void wait_unlock(void)
{
    ddekit_lock_unlock(&lock);
}

static void enqueue(wait_queue_head_t *wq, struct wait_queue_entry *entry)
{
    if (entry->entry.next)
        return;
    entry->queue = wq;
    list_add_tail(&entry->entry, &wq->head);
    atomic_inc(&wq->waiters);
}

static void dequeue(struct wait_queue_entry *entry)
{
    if (list_detach(&entry->entry))
        atomic_dec(&entry->queue->waiters);
}

void prepare_to_wait(wait_queue_head_t *wq, struct wait_queue_entry *entry, int state)
{
    wait_lock();
    enqueue(wq, entry);
    wait_unlock();
    set_current_state(state);
}

void finish_wait(wait_queue_head_t *wq __always_unused, struct wait_queue_entry *entry)
{
    set_current_state(TASK_RUNNING);
    wait_lock();
    dequeue(entry);
    wait_unlock();
}

/* Wake the threads of a queue, at most `count`; under the lock. Entries stay until their owners leave. */
static void wake_locked(wait_queue_head_t *wq, unsigned int count)
{
    struct wait_queue_entry *entry;

    list_for_each_entry(entry, &wq->head, entry)
    {
        if (count == 0)
            break;
        if (wake_up_process(entry->task))
            count--;
    }
}

void wake_up_all(wait_queue_head_t *wq)
{
    wait_lock();
    wake_locked(wq, UINT_MAX);
    wait_unlock();
}

bool waitqueue_active(wait_queue_head_t *wq)
{
    smp_mb();
    return atomic_read(&wq->waiters) > 0;
}

void spin_until(wait_queue_head_t *wq, bool (*done)(const void *what), const void *what)
{
    if (!done(what))
        __wait_event(*wq, done(what), task_wait(current));
}

void init_completion(struct completion *x)
{
    x->done = 0;
    init_waitqueue_head(&x->wait);
}

void complete(struct completion *x)
{
    wait_lock();
    if (x->done != UINT_MAX)
        x->done++;
    wake_locked(&x->wait, 1);
    wait_unlock();
}

void complete_all(struct completion *x)
{
    wait_lock();
    x->done = UINT_MAX;
    wake_locked(&x->wait, UINT_MAX);
    wait_unlock();
}

/* Under the lock. */
static bool take(struct completion *x)
{
    if (x->done == 0)
        return false;
    if (x->done != UINT_MAX)
        x->done--;
    return true;
}

bool try_wait_for_completion(struct completion *x)
{
    bool taken;

    wait_lock();
    taken = take(x);
    wait_unlock();
    return taken;
}

/* Returns the jiffies left, at least 1, or 0. */
static long wait_common(struct completion *x, long timeout)
{
    DEFINE_WAIT(entry);
    bool taken;

    might_sleep();
    wait_lock();
    for (;;) {
        taken = take(x);
        if (taken || timeout == 0)
            break;
        enqueue(&x->wait, &entry);
        /* Under the lock: between take() and here nobody could complete. */
        set_current_state(TASK_UNINTERRUPTIBLE);
        wait_unlock();
        timeout = schedule_timeout(timeout);
        wait_lock();
    }
    dequeue(&entry);
    wait_unlock();
    if (!taken)
        return 0;
    return timeout ? timeout : 1;
}

void wait_for_completion(struct completion *x)
{
    wait_common(x, MAX_SCHEDULE_TIMEOUT);
}

unsigned long wait_for_completion_timeout(struct completion *x, unsigned long timeout)
{
    return (unsigned long)wait_common(x, (long)timeout);
}
