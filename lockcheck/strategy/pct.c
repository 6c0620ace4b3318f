/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pct: Burckhardt, Kothari, Musuvathi, Nagarakatte: A randomized scheduler with probabilistic guarantees of
 * finding bugs, ASPLOS 2010.
 *
 * Threads have random priorities, and the highest that can run does. At depth - 1 steps, drawn beforehand,
 * the thread that is about to take the step falls below all others. A fault that needs `depth` ordering
 * constraints, in a program of n threads and k steps, is found by a schedule with a chance of at least
 * 1 / (n k^(depth-1)).
 *
 * Departures. k is not known to be the most: it is what a profiling run counted in half of the schedules, and
 * up to twice that in the others, or a step that only longer executions have could never be hit; without a
 * profile its order of magnitude is drawn. Only steps with a choice count, for a change of priorities
 * elsewhere is as good at the next step with a choice. Time is one more thread, with a new priority after
 * each passing, and threads that spin give way: see priority.h.
 */
#include "lockcheck/strategy/priority.h"

#define DEPTH 3u
#define MOST_CHANGES 64u
#define UNKNOWN_LEAST_BITS 4u /* where there is no profile: 16 to 65,536 steps */
#define UNKNOWN_MOST_BITS 16u

static struct lc_priorities priorities;
static struct change {
    uint64_t at; /* before the choice of that number */
    uint64_t priority;
} changes[MOST_CHANGES]; /* in ascending order of at */
static uint32_t change_count, changed;
static uint64_t choices; /* so far */

static uint32_t length(const struct lc_profile *profile)
{
    uint64_t seen = profile ? profile->choices : 0;
    if (seen == 0)
        return 1u << (UNKNOWN_LEAST_BITS +
                      lc_random_below(&priorities.random, UNKNOWN_MOST_BITS - UNKNOWN_LEAST_BITS + 1));
    if (seen > UINT32_MAX / 2)
        seen = UINT32_MAX / 2;
    bool longer = lc_random_below(&priorities.random, 2);
    return (uint32_t)seen + (longer ? lc_random_below(&priorities.random, (uint32_t)seen) : 0);
}

static void add_change(uint64_t at, uint64_t priority)
{
    uint32_t i = change_count++;
    for (; i > 0 && changes[i - 1].at > at; i--)
        changes[i] = changes[i - 1];
    changes[i] = (struct change){at, priority};
}

static void begin(const struct lc_schedule_settings *settings)
{
    uint32_t depth = settings->depth ? settings->depth : DEPTH;
    if (depth - 1 > MOST_CHANGES)
        depth = MOST_CHANGES + 1;
    lc_priorities_begin(&priorities, settings, false);
    uint32_t k = length(settings->profile);
    choices = 0;
    changed = change_count = 0;
    /* The order of the priorities must not depend on the order of the steps, or for a depth of more than 2
     * some orders of threads could not come about. */
    for (uint32_t i = 1; i < depth; i++)
        add_change(1 + lc_random_below(&priorities.random, k), LC_PRIORITY_LOW + i);
}

static uint32_t choose(const struct lc_choice *c)
{
    bool choice = lc_priorities_update(&priorities, c);
    uint32_t chosen = lc_priorities_highest(&priorities, c);
    if (choice)
        for (choices++; changed < change_count && changes[changed].at <= choices; changed++) {
            priorities.of[chosen] = changes[changed].priority;
            chosen = lc_priorities_highest(&priorities, c);
        }
    return lc_priorities_take(&priorities, chosen);
}

const struct lc_strategy lc_strategy_pct = {
    .name = "pct",
    .about = "priorities that change at few random points: likely to find what needs few switches",
    .profiles = true,
    .begin = begin,
    .choose = choose};
