/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: timers and jiffies.
 *
 * Callbacks run in the thread ddekit_timer, one after the other, in the order of expiry (equal ones in the
 * order in which they were added), without any DDEKit lock held: a callback may add and delete timers and may
 * block, and while it blocks no other timer runs.
 */
#ifndef DDEKIT_TIMER_H
#define DDEKIT_TIMER_H

#include <ddekit/thread.h>

#ifndef HZ
#define HZ 100 /* jiffies per second */
#endif

/* Jiffies since DDEKit looked at the clock first: a function of the mapped time, it never stands still. */
unsigned long long fetch_jiffies(void);

/* Creates list, lock and semaphore of the timers and then starts ddekit_timer. */
void ddekit_init_timers(void);

/* Calls fn(args) once, in ddekit_timer, when fetch_jiffies() has reached timeout (absolute jiffies; one in
 * the past is due at once). args stays the caller's. Returns the timer's number, at least 0, which is not
 * used again before 2^31 timers have been added; or -1 before ddekit_init_timers() or without memory. */
int ddekit_add_timer(void (*fn)(void *), void *args, unsigned long timeout);

enum ddekit_timer_state {
    DDEKIT_TIMER_DELETED = 0, /* it was pending and will not run */
    DDEKIT_TIMER_RUNNING =
        1, /* its callback runs at this moment (maybe it is the caller); it will not run again */
    DDEKIT_TIMER_GONE = -1, /* there is no such timer: it has run, or was deleted before */
};

/* Deletes a timer and never waits: see the results above. Whoever is about to free what a callback uses, and
 * gets DDEKIT_TIMER_RUNNING, has to wait for the callback by means of his own. */
int ddekit_del_timer(int timer);

/* 1 while the timer waits for its time, 0 when it runs, has run, or was deleted. */
int ddekit_timer_pending(int timer);

/* The thread ddekit_timer; NULL before ddekit_init_timers(). */
ddekit_thread_t *ddekit_get_timer_thread(void);

#endif
