/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers in nanoseconds, see <linux/hrtimer.h>, on the machine's one-shot timer and its interrupt.
 *
 * Hard and soft timers have a queue each, in the order of expiry. The one-shot timer stands for whichever is
 * first in either. Its handler runs the hard ones that are due, and raises the softirq for the soft ones;
 * until that has run, soft timers do not set the one-shot timer.
 *
 * Each timer has a lock that is held while its function runs. So hrtimer_cancel need only take it to know
 * that the function does not run, and a wait for a function that cannot end is a cycle of locks like any
 * other.
 *
 * The interrupt is connected at the start of a program that is linked with this file, that is of one with a
 * driver that has such timers: most have none.
 */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>

#include "harness/machine/alarm.h"
#include "harness/machine/machine.h"
#include "netdde-under-test/dde_linux/internal.h"

struct hrtimer_base {
    struct list_head queue;     /* the earliest first */
    struct hrtimer *running;    /* its function runs, */
    struct task_struct *runner; /* in this thread */
};

static DEFINE_SPINLOCK(base_lock); /* the bases, and the timers' times and entries */
static struct hrtimer_base hard = {.queue = LIST_HEAD_INIT(hard.queue)};
static struct hrtimer_base soft = {.queue = LIST_HEAD_INIT(soft.queue)};
static bool soft_raised; /* the softirq will look at the soft ones */

static struct hrtimer_base *base_of(const struct hrtimer *timer)
{
    return timer->is_soft ? &soft : &hard;
}

/* --- Queues: all of these under base_lock -------------------------------------------------------------- */

static struct hrtimer *first_of(const struct hrtimer_base *base)
{
    return list_first_entry_or_null(&base->queue, struct hrtimer, entry);
}

static void enqueue(struct hrtimer *timer)
{
    struct hrtimer_base *base = base_of(timer);
    struct hrtimer *later;

    list_for_each_entry(later, &base->queue, entry)
    {
        if (later->expires > timer->expires)
            break;
    }
    list_add_tail(&timer->entry, &later->entry);
    note_pending(&timer->entry);
}

static ktime_t first_expiry(const struct hrtimer_base *base)
{
    const struct hrtimer *first = first_of(base);

    return first ? first->expires : KTIME_MAX;
}

/* See to it that the interrupt comes when the first timer is due. */
static void set_alarm(void)
{
    ktime_t next = first_expiry(&hard);

    if (!soft_raised && first_expiry(&soft) < next)
        next = first_expiry(&soft);
    alarm_set(next == KTIME_MAX ? MACHINE_NEVER : (u64)max(next, (ktime_t)0));
}

static struct hrtimer *first_due(const struct hrtimer_base *base, ktime_t now)
{
    struct hrtimer *first = first_of(base);

    return first && first->softexpires <= now ? first : NULL;
}

/* --- Running them -------------------------------------------------------------------------------------- */

/* Called with the timer's function_lock held, too; drops base_lock. The timer may be gone afterwards, unless
 * its function wants it to be started again. */
static void run_first(struct hrtimer_base *base, struct hrtimer *timer)
{
    enum hrtimer_restart (*function)(struct hrtimer *) = timer->function;
    enum hrtimer_restart restart;

    list_del(&timer->entry);
    base->running = timer;
    base->runner = current;
    spin_unlock_irq(&base_lock);
    restart = function(timer);
    spin_lock_irq(&base_lock);
    if (restart == HRTIMER_RESTART && !timer->entry.next)
        enqueue(timer);
    base->running = NULL;
}

/*
 * Under base_lock, which it drops, run what is due. A function_lock comes before base_lock, so the timer has
 * to be looked for again when its lock is held: somebody may have cancelled it, and its memory may be
 * another's. The lock itself is still there: nobody gives a spin lock back, a timer that ends or is
 * initialised again leaves its lock behind. This relies on that.
 */
static void run_due(struct hrtimer_base *base)
{
    ktime_t now = ktime_get();
    struct hrtimer *timer;

    while ((timer = first_due(base, now))) {
        spinlock_t function_lock = timer->function_lock;

        spin_unlock_irq(&base_lock);
        spin_lock(&function_lock);
        spin_lock_irq(&base_lock);
        if (first_due(base, now) == timer && timer->function_lock.dde_lock == function_lock.dde_lock)
            run_first(base, timer);
        spin_unlock(&function_lock);
    }
}

static irqreturn_t clock_interrupt(int irq __always_unused, void *unused __always_unused)
{
    bool raise;

    if (!alarm_acknowledge())
        return IRQ_NONE; /* another device's */
    spin_lock_irq(&base_lock);
    run_due(&hard);
    raise = !soft_raised && first_due(&soft, ktime_get());
    soft_raised |= raise;
    set_alarm();
    spin_unlock_irq(&base_lock);
    if (raise)
        raise_softirq(HRTIMER_SOFTIRQ);
    return IRQ_HANDLED;
}

static void run_soft_timers(void)
{
    spin_lock_irq(&base_lock);
    run_due(&soft);
    soft_raised = false;
    set_alarm();
    spin_unlock_irq(&base_lock);
}

void hrtimer_system_init(void)
{
    alarm_create();
    open_softirq(HRTIMER_SOFTIRQ, run_soft_timers);
    if (request_irq_for_ever(ALARM_LINE, clock_interrupt, "timer", &hard))
        BUG();
}

/* --- What drivers call --------------------------------------------------------------------------------- */

void linux_hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode, const char *name)
{
    WARN(clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME, "an hrtimer on clock %d, which there is not",
         clock);
    spin_lock_irq(&base_lock);
    /* What the entry says cannot be trusted: the memory may be new. */
    if (list_reaches_into(&hard.queue, timer, sizeof(*timer)) ||
        list_reaches_into(&soft.queue, timer, sizeof(*timer))) {
        list_del(&timer->entry);
        pr_warn("a pending hrtimer is initialised again\n");
    }
    *timer = (struct hrtimer){.is_soft = mode & HRTIMER_MODE_SOFT};
    linux_spin_lock_init(&timer->function_lock, name);
    spin_unlock_irq(&base_lock);
}

/* Under base_lock. */
static void start(struct hrtimer *timer, ktime_t time, u64 delta_ns)
{
    list_detach(&timer->entry);
    timer->softexpires = time;
    timer->expires = ktime_add_safe(time, ns_to_ktime(delta_ns));
    enqueue(timer);
    if (first_of(base_of(timer)) == timer)
        set_alarm();
}

void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t time, u64 delta_ns, enum hrtimer_mode mode)
{
    if (WARN_ON(!timer->function))
        return;
    WARN(!(mode & HRTIMER_MODE_SOFT) != !timer->is_soft, "an hrtimer is started as what it is not");
    if (mode & HRTIMER_MODE_REL)
        time = ktime_add_safe(ktime_get(), time);
    spin_lock_irq(&base_lock);
    start(timer, time, delta_ns);
    spin_unlock_irq(&base_lock);
}

void hrtimer_restart(struct hrtimer *timer)
{
    hrtimer_start_range_ns(timer, timer->softexpires, (u64)(timer->expires - timer->softexpires),
                           timer->is_soft ? HRTIMER_MODE_ABS_SOFT : HRTIMER_MODE_ABS);
}

int hrtimer_try_to_cancel(struct hrtimer *timer)
{
    int was_queued = -1;

    spin_lock_irq(&base_lock);
    if (base_of(timer)->running != timer)
        was_queued = list_detach(&timer->entry);
    spin_unlock_irq(&base_lock);
    return was_queued;
}

int hrtimer_cancel(struct hrtimer *timer)
{
    int was_queued;

    spin_lock_irq(&timer->function_lock);
    was_queued = hrtimer_try_to_cancel(timer);
    spin_unlock_irq(&timer->function_lock);
    return was_queued;
}

bool hrtimer_is_queued(struct hrtimer *timer)
{
    bool queued;

    spin_lock_irq(&base_lock);
    queued = timer->entry.next;
    spin_unlock_irq(&base_lock);
    return queued;
}

bool hrtimer_callback_running(struct hrtimer *timer)
{
    bool running;

    spin_lock_irq(&base_lock);
    running = base_of(timer)->running == timer;
    spin_unlock_irq(&base_lock);
    return running;
}

bool hrtimer_active(const struct hrtimer *timer)
{
    bool active;

    spin_lock_irq(&base_lock);
    active = timer->entry.next || base_of(timer)->running == timer;
    spin_unlock_irq(&base_lock);
    return active;
}

u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval)
{
    ktime_t late = now - timer->expires;
    u64 intervals;

    if (late < 0 || WARN_ON(timer->entry.next))
        return 0;
    interval = max(interval, (ktime_t)1);
    intervals = (u64)(late / interval) + 1;
    timer->softexpires = ktime_add_safe(timer->softexpires, (ktime_t)intervals * interval);
    timer->expires = ktime_add_safe(timer->expires, (ktime_t)intervals * interval);
    return intervals;
}

ktime_t hrtimer_get_remaining(const struct hrtimer *timer)
{
    ktime_t expires;

    spin_lock_irq(&base_lock);
    expires = timer->expires;
    spin_unlock_irq(&base_lock);
    return expires - ktime_get();
}

static bool reaches_into(const struct hrtimer_base *base, const void *memory, size_t size, bool also_running)
{
    /* A timer's own function may free it. */
    return list_reaches_into(&base->queue, memory, size) ||
           (also_running && base->runner != current && lies_in(base->running, memory, size));
}

bool hrtimer_lies_in(const void *memory, size_t size, bool also_running)
{
    bool lies;

    spin_lock_irq(&base_lock);
    lies = reaches_into(&hard, memory, size, also_running) || reaches_into(&soft, memory, size, also_running);
    spin_unlock_irq(&base_lock);
    return lies;
}
