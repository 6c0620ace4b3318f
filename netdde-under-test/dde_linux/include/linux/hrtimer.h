/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/hrtimer.h>: timers in nanoseconds.
 *
 * A hard timer's function runs in the handler of the machine's timer interrupt, a soft one's in the softirq
 * thread. A function returns whether its timer is to be started again, for the time that it has moved it to;
 * one that returns HRTIMER_NORESTART may have freed its timer. Functions of one kind run one after the other.
 *
 * All functions may be called from any context but for what they say. Left out: clocks that are set (the
 * monotonic one is the only one, by both of its names), slack by the caller, sleeping on them.
 */
#ifndef DDE_LINUX_HRTIMER_H
#define DDE_LINUX_HRTIMER_H

#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <time.h>

/* Timers are hard if nothing is said. There is one CPU to be pinned to. */
enum hrtimer_mode {
    HRTIMER_MODE_ABS = 0x00,
    HRTIMER_MODE_REL = 0x01,
    HRTIMER_MODE_PINNED = 0x02,
    HRTIMER_MODE_SOFT = 0x04,
    HRTIMER_MODE_HARD = 0x08,

    HRTIMER_MODE_ABS_PINNED = HRTIMER_MODE_ABS | HRTIMER_MODE_PINNED,
    HRTIMER_MODE_REL_PINNED = HRTIMER_MODE_REL | HRTIMER_MODE_PINNED,
    HRTIMER_MODE_ABS_SOFT = HRTIMER_MODE_ABS | HRTIMER_MODE_SOFT,
    HRTIMER_MODE_REL_SOFT = HRTIMER_MODE_REL | HRTIMER_MODE_SOFT,
    HRTIMER_MODE_ABS_PINNED_SOFT = HRTIMER_MODE_ABS_PINNED | HRTIMER_MODE_SOFT,
    HRTIMER_MODE_REL_PINNED_SOFT = HRTIMER_MODE_REL_PINNED | HRTIMER_MODE_SOFT,
    HRTIMER_MODE_ABS_HARD = HRTIMER_MODE_ABS | HRTIMER_MODE_HARD,
    HRTIMER_MODE_REL_HARD = HRTIMER_MODE_REL | HRTIMER_MODE_HARD,
    HRTIMER_MODE_ABS_PINNED_HARD = HRTIMER_MODE_ABS_PINNED | HRTIMER_MODE_HARD,
    HRTIMER_MODE_REL_PINNED_HARD = HRTIMER_MODE_REL_PINNED | HRTIMER_MODE_HARD,
};

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };

struct hrtimer {
    struct list_head entry; /* among the queued ones; next is null when it is not */
    ktime_t softexpires;    /* it may run from here on, */
    ktime_t expires;        /* and the interrupt comes now */
    enum hrtimer_restart (*function)(struct hrtimer *);
    spinlock_t function_lock; /* held while the function runs. As any spin lock it is never freed */
    bool is_soft;
};

/*
 * Set the function afterwards. A timer that is queued is first removed; Linux would corrupt its tree. name is
 * how reports call what hrtimer_cancel waits for.
 */
void linux_hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode, const char *name);
#define hrtimer_init(timer, clock, mode) linux_hrtimer_init((timer), (clock), (mode), #timer)

/* Start the timer, or move one that is queued, to run between time and delta_ns later. Time is from now with
 * HRTIMER_MODE_REL, else on the clock. Its function may do that, too; what it returns then does not count. */
void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t time, u64 delta_ns, enum hrtimer_mode mode);
static inline void hrtimer_start(struct hrtimer *timer, ktime_t time, enum hrtimer_mode mode)
{
    hrtimer_start_range_ns(timer, time, 0, mode);
}
/* For the time that it has. */
void hrtimer_restart(struct hrtimer *timer);

/* Stop it. 1: it was queued; 0: it was not; -1: its function runs, and nothing was done. */
int hrtimer_try_to_cancel(struct hrtimer *timer);

/*
 * Stop it, and wait until its function does not run. Returns 1 when it was queued, else 0. Neither with a
 * lock held that the function takes, nor in the function itself: both wait for ever.
 */
int hrtimer_cancel(struct hrtimer *timer);

bool hrtimer_is_queued(struct hrtimer *timer);
bool hrtimer_callback_running(struct hrtimer *timer);
/* Either of them. */
bool hrtimer_active(const struct hrtimer *timer);

/*
 * Move a timer that is not queued, by as many intervals as it takes to lie behind now. Returns how many: more
 * than one have been missed. For the timer's own function, and nobody else while it runs.
 */
u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval);
static inline u64 hrtimer_forward_now(struct hrtimer *timer, ktime_t interval)
{
    return hrtimer_forward(timer, ktime_get(), interval);
}

#define hrtimer_cb_get_time(timer) ((void)(timer), ktime_get())

static inline ktime_t hrtimer_get_expires(const struct hrtimer *timer)
{
    return timer->expires;
}

static inline ktime_t hrtimer_get_softexpires(const struct hrtimer *timer)
{
    return timer->softexpires;
}

/* How long it still has; negative when it is overdue. */
ktime_t hrtimer_get_remaining(const struct hrtimer *timer);

#endif
