/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guided: follow a plan as far as it is possible, for a search that tries plans of which parts may not fit
 * together, in the manner of delta debugging (Zeller, Hildebrandt: Simplifying and isolating failure-inducing
 * input, IEEE TSE 2002; Jalbert, Sen: A trace simplification technique for effective debugging of concurrent
 * programs, FSE 2010, for schedules).
 *
 * A plan is a list of stages, all numbers varints: how many members the stage has, and for each its thread,
 * what its limit counts, and the limit: how many steps it may have taken in all (LC_GUIDED_ALL), or may take in
 * this stage (LC_GUIDED_STAGE). Time is thread 0. Within a stage the members run tamely: each until it blocks,
 * yields or is at its limit, then the next in the order of the plan; time passes when no other member can go
 * on. The stage ends when none of them can. A stage of one member is a run as in a recording; one of several
 * members leaves it open how they get to where the plan wants them. Where steps are counted from the
 * beginning, a stage that is left out delays its threads until their next stages, and does not shift what
 * these mean. After the last stage the tame strategy goes on.
 *
 * The runtime records what was really done, and that is what a shorter schedule is made of.
 */
#include <string.h>

#include "lockcheck/runtime/channel.h"
#include "lockcheck/strategy/strategy.h"

#define MAX_THREADS 4096u
#define QUANTUM 10000u /* steps in a row of a member while others wait: it may be spinning */

static const uint8_t *at, *end_of_plan;
static uint64_t taken[MAX_THREADS]; /* steps, by thread */

/* The stage. */
static struct member {
    uint32_t thread;
    uint64_t limit;
} members[MAX_THREADS];
static uint32_t member_count;
static uint32_t turn; /* index of the member that ran last */
static uint32_t run_length;

static void begin(const struct lc_schedule_settings *settings)
{
    at = settings->replay;
    end_of_plan = at + settings->replay_bytes;
    memset(taken, 0, sizeof taken);
    member_count = 0;
    lc_strategy_cooperative.begin(settings);
}

/* A number that is cut off, and a thread that cannot be, end the plan. */
static bool get(uint64_t most, uint64_t *value)
{
    size_t used = lc_varint_get(at, (size_t)(end_of_plan - at), value);
    if (used && *value <= most) {
        at += used;
        return true;
    }
    at = end_of_plan;
    return false;
}

static bool next_stage(void)
{
    uint64_t count, thread, counts;
    member_count = turn = run_length = 0;
    if (!get(MAX_THREADS, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        struct member *m = &members[i];
        if (!get(MAX_THREADS - 1, &thread) || !get(LC_GUIDED_STAGE, &counts) || !get(UINT64_MAX / 2, &m->limit))
            return false;
        m->thread = (uint32_t)thread;
        if (counts == LC_GUIDED_STAGE)
            m->limit += taken[thread];
    }
    member_count = (uint32_t)count;
    turn = member_count ? member_count - 1 : 0; /* so that the first comes first */
    return true;
}

static bool can_run(const struct lc_choice *c, const struct member *m)
{
    if (taken[m->thread] >= m->limit)
        return false;
    if (m->thread == LC_TIME)
        return c->time_possible;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->enabled[i] == m->thread)
            return true;
    return false;
}

/* The member whose turn it is, or NULL when none can go on. */
static const struct member *pick(const struct lc_choice *c)
{
    bool time_too = false;
    for (uint32_t i = 0; i < member_count; i++) {
        const struct member *m = &members[i];
        if (m->thread == c->current && run_length < QUANTUM && !c->yielded && can_run(c, m)) {
            turn = i;
            return m;
        }
        time_too |= m->thread == LC_TIME;
    }
    for (uint32_t k = 1; k <= member_count; k++) {
        uint32_t i = (turn + k) % member_count;
        if (members[i].thread != LC_TIME && can_run(c, &members[i])) {
            run_length = 0;
            turn = i;
            return &members[i];
        }
    }
    for (uint32_t i = 0; time_too && i < member_count; i++)
        if (members[i].thread == LC_TIME && can_run(c, &members[i]))
            return &members[i];
    return NULL;
}

static uint32_t choose(const struct lc_choice *c)
{
    const struct member *m;
    while (!(m = pick(c)))
        if (!next_stage())
            return lc_strategy_cooperative.choose(c);
    run_length++;
    taken[m->thread]++;
    return m->thread;
}

const struct lc_strategy lc_strategy_guided = {.name = "guided",
                                               .about = "follow a plan as far as it is possible",
                                               .begin = begin,
                                               .choose = choose};
