/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/timer.h>. Timer functions run in the softirq thread. All functions may be called from
 * any thread, also from a timer function.
 */
#ifndef DDE_LINUX_TIMER_H
#define DDE_LINUX_TIMER_H

#include <linux/list.h>
#include <linux/types.h>

struct timer_list {
    struct list_head entry; /* in the list of pending timers; next is null when not pending */
    unsigned long expires;  /* jiffies */
    void (*function)(struct timer_list *);
    u32 flags;
};

#define TIMER_DEFERRABLE 0x00080000
#define TIMER_IRQSAFE 0x00200000

/* A timer that is pending is first removed; Linux would corrupt its wheel. */
void linux_timer_setup(struct timer_list *timer, void (*function)(struct timer_list *), unsigned int flags);

#define timer_setup(timer, callback, flags) linux_timer_setup((timer), (callback), (flags))
#define timer_setup_on_stack(timer, callback, flags) linux_timer_setup((timer), (callback), (flags))
#define destroy_timer_on_stack(timer) ((void)(timer))
#define from_timer(var, callback_timer, member) container_of(callback_timer, __typeof__(*var), member)

/* Start the timer, or move one that is pending. Returns 1 when it was pending, else 0. */
int mod_timer(struct timer_list *timer, unsigned long expires);
void add_timer(struct timer_list *timer);

/* Stop the timer if it is pending. Returns 1 when it was, else 0. */
int del_timer(struct timer_list *timer);

/*
 * Like del_timer, and also wait until its function does not run any more: not in an interrupt handler, unless
 * the timer is TIMER_IRQSAFE, nor with a lock held that the function takes. From within the function itself
 * it does not wait (Linux forbids the call). The caller must see to it that nobody starts the timer again.
 */
int del_timer_sync(struct timer_list *timer);

int timer_pending(const struct timer_list *timer);

unsigned long round_jiffies(unsigned long j);
unsigned long round_jiffies_relative(unsigned long j);

#endif
