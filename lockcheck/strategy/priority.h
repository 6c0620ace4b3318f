/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Priorities of threads and of time, which pct, pos and surw choose by. A priority is random, or it is low:
 * below all random ones, and below every low one that was given before.
 *
 * Time has a priority like a thread. It gets a new one whenever it has passed, since the next deadline is
 * another event: a random one with a chance that is drawn for each schedule, a low one otherwise. So there
 * are schedules in which time is one thread among equals and a program is often late, and schedules in which
 * it passes when all wait (see random.c, which does the same in its way).
 *
 * Nobody spins for ever: who yields gets a low priority. Once in so many choices time passes, for those that
 * spin until a moment, and the first of the threads, who may be spinning, gets a low priority; or all threads
 * get new ones, where priorities are of events and last for a step of their thread only.
 */
#ifndef LOCKCHECK_STRATEGY_PRIORITY_H
#define LOCKCHECK_STRATEGY_PRIORITY_H

#include <assert.h>

#include "lockcheck/strategy/random_number.h"
#include "lockcheck/strategy/strategy.h"

#define LC_PATIENCE_LEAST 1000u    /* choices */
#define LC_PATIENCE_UNKNOWN 10000u /* where there is no profile; else twice what the profiling run had */

/* Random priorities have this bit; those between the two are for a strategy to give. */
#define LC_PRIORITY_RANDOM (1ull << 63)
#define LC_PRIORITY_LOW (1ull << 62)

struct lc_priorities {
    uint64_t random;      /* the generator's state */
    uint32_t known;       /* threads up to this number have a priority */
    uint32_t time_one_in; /* how often time that has passed becomes as eager as a thread; 0: never */
    bool of_events;       /* the strategy draws a new priority for each step */
    bool time_passed;     /* in the step before: a thread that yields then has done so already */
    uint64_t low;         /* the lowest that was given */
    uint64_t patience, patience_left;
    uint64_t of[LC_MAX_THREADS]; /* of[LC_TIME] is that of time */
};

static inline uint64_t lc_priority_random(struct lc_priorities *p)
{
    return lc_random_next(&p->random) | LC_PRIORITY_RANDOM;
}

static inline void lc_priority_drop(struct lc_priorities *p, uint32_t thread)
{
    p->of[thread] = --p->low;
}

static inline void lc_priority_of_next_deadline(struct lc_priorities *p)
{
    if (p->time_one_in && lc_random_below(&p->random, p->time_one_in) == 0)
        p->of[LC_TIME] = lc_priority_random(p);
    else
        lc_priority_drop(p, LC_TIME);
}

static inline void lc_priorities_begin(struct lc_priorities *p, const struct lc_schedule_settings *settings,
                                       bool of_events)
{
    static const uint32_t one_in[] = {1, 4, 16, 64, 0};
    p->random = settings->seed;
    p->of_events = of_events;
    p->known = 0;
    p->time_passed = false;
    p->low = LC_PRIORITY_LOW;
    p->time_one_in = one_in[lc_random_below(&p->random, sizeof one_in / sizeof *one_in)];
    lc_priority_of_next_deadline(p);
    uint64_t choices = settings->profile ? settings->profile->choices : 0;
    p->patience = choices == 0                      ? LC_PATIENCE_UNKNOWN
                  : 2 * choices < LC_PATIENCE_LEAST ? LC_PATIENCE_LEAST
                                                    : 2 * choices;
    p->patience_left = p->patience;
}

/* Time or the enabled thread, whatever has the highest priority. */
static inline uint32_t lc_priorities_highest(const struct lc_priorities *p, const struct lc_choice *c)
{
    uint64_t highest = c->time_possible ? p->of[LC_TIME] : 0; /* no priority is 0 */
    uint32_t chosen = LC_TIME;
    for (uint32_t i = 0; i < c->count; i++)
        if (p->of[c->enabled[i]] > highest) {
            highest = p->of[c->enabled[i]];
            chosen = c->enabled[i];
        }
    return chosen;
}

static inline void lc_priorities_meet(struct lc_priorities *p, const struct lc_choice *c)
{
    uint32_t newest = c->count ? c->enabled[c->count - 1] : 0;
    assert(newest < LC_MAX_THREADS);
    while (p->known < newest)
        p->of[++p->known] = lc_priority_random(p);
}

static inline void lc_priorities_lose_patience(struct lc_priorities *p, const struct lc_choice *c)
{
    p->patience_left = p->patience;
    p->time_one_in *= 4; /* time that is too eager may be why nobody gets on; ends at 0 */
    p->of[LC_TIME] = UINT64_MAX;
    if (p->of_events) {
        p->known = 0;
        lc_priorities_meet(p, c);
    } else if (c->count) {
        struct lc_choice threads = *c;
        threads.time_possible = false;
        lc_priority_drop(p, lc_priorities_highest(p, &threads));
    }
}

/* To be called first in each choice: new threads get priorities, and threads that yield or spin lose theirs.
 * Returns whether there is more than one choice. */
static inline bool lc_priorities_update(struct lc_priorities *p, const struct lc_choice *c)
{
    lc_priorities_meet(p, c);
    if (c->count + c->time_possible <= 1)
        return false;
    if (c->yielded && c->current_enabled && !p->time_passed)
        lc_priority_drop(p, c->current);
    if (__builtin_expect(--p->patience_left == 0, 0))
        lc_priorities_lose_patience(p, c);
    return true;
}

/* To be called last in each choice. */
static inline uint32_t lc_priorities_take(struct lc_priorities *p, uint32_t chosen)
{
    p->time_passed = chosen == LC_TIME;
    if (p->time_passed)
        lc_priority_of_next_deadline(p);
    return chosen;
}

#endif
