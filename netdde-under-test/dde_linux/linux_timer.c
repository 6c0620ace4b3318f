/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux timers, see <linux/timer.h>.
 *
 * Pending timers are in one list in the order of expiry. One DDEKit timer stands for the first of them; its
 * callback, in ddekit_timer, does nothing but raise the timer softirq, which runs what is due. No Linux timer
 * is ever given to DDEKit, so none can be used there after its end; a DDEKit timer that is late to be deleted
 * costs one look at the list.
 *
 * Left out: the wheel (there are a handful of timers), deferrable and pinned timers.
 */
#include <ddekit/timer.h>

#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

static DEFINE_SPINLOCK(timer_lock); /* everything below, and the timers' entries */
static LIST_HEAD(timers);           /* pending, the earliest first */
static LIST_HEAD(due);              /* those that the present softirq still has to run */
static struct timer_list *running;  /* its function runs; read without the lock, too */
static bool armed;                  /* a DDEKit timer is set for armed_expires, or has just expired */
static unsigned long armed_expires;
static int armed_id;
static DECLARE_WAIT_QUEUE_HEAD(timer_done); /* woken after each function while somebody waits */

unsigned long linux_jiffies(void)
{
    return (unsigned long)fetch_jiffies();
}

static void first_is_due(void *unused __always_unused)
{
    raise_softirq(TIMER_SOFTIRQ);
}

/* Under the lock: see to it that the softirq runs when the first timer is due. */
static void arm_first(void)
{
    struct timer_list *first = list_first_entry_or_null(&timers, struct timer_list, entry);

    if (!first || (armed && !time_before(first->expires, armed_expires)))
        return;
    if (armed)
        ddekit_del_timer(armed_id);
    armed_expires = first->expires;
    armed_id = ddekit_add_timer(first_is_due, NULL, armed_expires);
    armed = armed_id >= 0;
    WARN_ON(!armed);
}

/* Under the lock. */
static void insert(struct timer_list *timer)
{
    struct list_head *after = timers.prev;

    while (after != &timers &&
           time_after(list_entry(after, struct timer_list, entry)->expires, timer->expires))
        after = after->prev;
    list_add(&timer->entry, after);
    note_pending(&timer->entry);
}

static void run_timers(void)
{
    unsigned long now = jiffies;

    spin_lock_irq(&timer_lock);
    if (armed && time_after_eq(now, armed_expires))
        armed = false;
    while (!list_empty(&timers)) {
        struct timer_list *first = list_first_entry(&timers, struct timer_list, entry);

        if (time_after(first->expires, now))
            break;
        list_del(&first->entry);
        list_add_tail(&first->entry, &due);
    }
    while (!list_empty(&due)) {
        struct timer_list *timer = list_first_entry(&due, struct timer_list, entry);
        void (*function)(struct timer_list *) = timer->function;

        list_del(&timer->entry);
        __atomic_store_n(&running, timer, __ATOMIC_SEQ_CST);
        spin_unlock_irq(&timer_lock);
        function(timer);
        /* The timer may be gone: its function may have freed it. */
        __atomic_store_n(&running, NULL, __ATOMIC_SEQ_CST);
        if (waitqueue_active(&timer_done))
            wake_up_all(&timer_done);
        spin_lock_irq(&timer_lock);
    }
    arm_first();
    spin_unlock_irq(&timer_lock);
}

bool timer_setup_anyway(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags)
{
    bool pending;

    spin_lock_irq(&timer_lock);
    /* What the entry says cannot be trusted: the memory may be new. */
    pending =
        list_reaches_into(&timers, timer, sizeof(*timer)) || list_reaches_into(&due, timer, sizeof(*timer));
    if (pending)
        list_del(&timer->entry);
    timer->entry.next = timer->entry.prev = NULL;
    timer->function = function;
    timer->flags = flags;
    timer->expires = 0;
    spin_unlock_irq(&timer_lock);
    return pending;
}

void linux_timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags)
{
    bool was_pending = timer_setup_anyway(timer, function, flags);

    WARN(was_pending, "a pending timer is initialised again\n");
}

int mod_timer(struct timer_list *timer, unsigned long expires)
{
    int was_pending;

    spin_lock_irq(&timer_lock);
    was_pending = list_detach(&timer->entry);
    timer->expires = expires;
    insert(timer);
    arm_first();
    spin_unlock_irq(&timer_lock);
    return was_pending;
}

void add_timer(struct timer_list *timer)
{
    int was_pending = mod_timer(timer, timer->expires);

    BUG_ON(was_pending);
}

int del_timer(struct timer_list *timer)
{
    int was_pending;

    spin_lock_irq(&timer_lock);
    was_pending = list_detach(&timer->entry);
    spin_unlock_irq(&timer_lock);
    return was_pending;
}

static bool does_not_run(const void *timer)
{
    return __atomic_load_n(&running, __ATOMIC_SEQ_CST) != timer;
}

void timer_wait_function(const struct timer_list *timer)
{
    spin_until(&timer_done, does_not_run, timer);
}

int del_timer_sync(struct timer_list *timer)
{
    int was_pending = 0;

    /* It would spin on the CPU that may be in the function. */
    WARN_ON(in_hardirq() && !(timer->flags & TIMER_IRQSAFE));
    for (;;) {
        bool runs;

        spin_lock_irq(&timer_lock);
        was_pending |= list_detach(&timer->entry);
        /* Its end is not under the lock: what it did is seen from here on only if this load says so. */
        runs = !does_not_run(timer);
        spin_unlock_irq(&timer_lock);
        if (!runs)
            return was_pending;
        /* Only .softirqd runs timers: if it asks, it asks from within the function. */
        if (softirq_is_current()) {
            report_wait_for_itself("the timer function");
            return was_pending;
        }
        timer_wait_function(timer);
        /* The function may have started the timer again: look once more. */
    }
}

int timer_pending(const struct timer_list *timer)
{
    int pending;

    spin_lock_irq(&timer_lock);
    pending = timer->entry.next != NULL;
    spin_unlock_irq(&timer_lock);
    return pending;
}

/* To whole seconds, so that timers that are not in a hurry expire together. */
unsigned long round_jiffies(unsigned long j)
{
    return j % HZ == 0 ? j : j - j % HZ + HZ;
}

unsigned long round_jiffies_relative(unsigned long j)
{
    unsigned long now = jiffies;

    return round_jiffies(j + now) - now;
}

bool timer_lies_in(const void *memory, size_t size, bool also_running)
{
    bool lies;

    spin_lock_irq(&timer_lock);
    lies = list_reaches_into(&timers, memory, size) || list_reaches_into(&due, memory, size);
    /* A timer's own function may free it. */
    if (also_running && !softirq_is_current())
        lies |= lies_in(__atomic_load_n(&running, __ATOMIC_SEQ_CST), memory, size);
    spin_unlock_irq(&timer_lock);
    return lies;
}

void timer_init(void)
{
    open_softirq(TIMER_SOFTIRQ, run_timers);
}
