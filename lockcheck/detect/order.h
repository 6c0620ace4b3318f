/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happened before what (Lamport: Time, clocks, and the ordering of events in a distributed system, CACM
 * 1978), by vector clocks (Mattern: Virtual time and global states of distributed systems, 1989). A thread's
 * own time grows with each release; an acquire takes over what the release knew.
 *
 * Kept only while something asks: see lc_order_kept.
 */
#ifndef LOCKCHECK_DETECT_ORDER_H
#define LOCKCHECK_DETECT_ORDER_H

#include "lockcheck/detect/detect.h"

#pragma GCC visibility push(hidden)

/* times[N] is of thread N; threads from count on are at 0. All zero is an empty clock. */
struct lc_clock {
    uint32_t count, room;
    uint32_t *times;
};

/* Clocks are kept: there is code whose memory accesses are seen. Set at the process's start or never. */
extern bool lc_order_kept;

/* The thread's clock; times[thread] is its own time, at least 1. */
static inline struct lc_clock *lc_clock_of(uint32_t thread)
{
    extern struct lc_clock lc_clocks[LC_MAX_THREADS];
    return &lc_clocks[thread];
}

/* Had the event of that thread at that time happened before what the running thread does now? */
static inline bool lc_happened_before(uint32_t thread, uint32_t time)
{
    const struct lc_clock *now = lc_clock_of(lc_self->id);
    return thread < now->count && now->times[thread] >= time;
}

/* *to becomes the later of both, for each thread. */
void lc_clock_join(struct lc_clock *to, const struct lc_clock *from);
void lc_clock_set(struct lc_clock *to, const struct lc_clock *from);
void lc_clock_clear(struct lc_clock *clock);

/* The running thread leaves what it knows in *clock, besides what is there, and begins a new time. */
void lc_release(struct lc_clock *clock);
/* The same, in place of what is there. */
void lc_release_alone(struct lc_clock *clock);
/* The running thread takes over what was left in *clock. */
void lc_acquire_clock(const struct lc_clock *clock);

#pragma GCC visibility pop
#endif
