/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guided: follow a plan as far as it is possible, for a search that tries plans of which parts may not fit
 * together, in the manner of delta debugging (Zeller, Hildebrandt: Simplifying and isolating failure-inducing
 * input, IEEE TSE 2002; Jalbert, Sen: A trace simplification technique for effective debugging of concurrent
 * programs, FSE 2010, for schedules).
 *
 * A plan is a list of stages, all numbers varints: how many members the stage has, and for each its thread,
 * what its limit counts, and the limit: how many steps it may have taken in all (LC_GUIDED_ALL), or may take
 * in this stage (LC_GUIDED_STAGE). With LC_GUIDED_BEFORE the limit is of the stage too, and three more
 * numbers follow: an operation and an object, before which the member stops once it has taken a step, and how
 * many of the stages that follow are left out if it does. Time is thread 0. Within a stage the members run
 * tamely: each until it blocks, yields or is at its limit, then the next in the order of the plan; time
 * passes when no other member can go on. The stage ends when none of them can. A stage of one member is a run
 * as in a recording; one of several members leaves it open how they get to where the plan wants them. Where
 * steps are counted from the beginning, a stage that is left out delays its threads until their next stages,
 * and does not shift what these mean. After the last stage the tame strategy goes on.
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
    uint64_t first; /* how many steps it had taken when the stage began */
    bool stops;     /* LC_GUIDED_BEFORE */
    uint64_t op, object, leaves_out;
} members[MAX_THREADS];
static uint32_t member_count;
static uint32_t turn;     /* index of the member that ran last */
static uint64_t left_out; /* stages that are to come */
static uint32_t run_length;

static void begin(const struct lc_schedule_settings *settings)
{
    at = settings->replay;
    end_of_plan = at + settings->replay_bytes;
    memset(taken, 0, sizeof taken);
    member_count = 0;
    left_out = 0;
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

static bool get_member(struct member *m)
{
    uint64_t thread, counts;
    if (!get(MAX_THREADS - 1, &thread) || !get(LC_GUIDED_BEFORE, &counts) || !get(UINT64_MAX / 2, &m->limit))
        return false;
    m->thread = (uint32_t)thread;
    m->first = taken[thread];
    if (counts != LC_GUIDED_ALL)
        m->limit += m->first;
    m->stops = counts == LC_GUIDED_BEFORE;
    return !m->stops ||
           (get(UINT32_MAX, &m->op) && get(UINT32_MAX, &m->object) && get(UINT64_MAX / 2, &m->leaves_out));
}

static bool get_stage(void)
{
    uint64_t count;
    member_count = turn = run_length = 0;
    if (!get(MAX_THREADS, &count))
        return false;
    for (uint64_t i = 0; i < count; i++)
        if (!get_member(&members[i]))
            return false;
    member_count = (uint32_t)count;
    turn = member_count ? member_count - 1 : 0; /* so that the first comes first */
    return true;
}

static bool next_stage(void)
{
    for (; left_out > 0; left_out--)
        if (!get_stage())
            return false;
    return get_stage();
}

/* It stands where it is to stop. */
static bool has_arrived(const struct lc_choice *c, const struct member *m)
{
    if (!m->stops || taken[m->thread] == m->first)
        return false;
    struct lc_next next = c->next(m->thread);
    return next.op == m->op && next.object == m->object;
}

static bool can_run(const struct lc_choice *c, const struct member *m)
{
    if (taken[m->thread] >= m->limit)
        return false;
    if (m->thread == LC_TIME)
        return c->time_possible;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->enabled[i] == m->thread)
            return !has_arrived(c, m);
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
    while (!(m = pick(c))) {
        for (uint32_t i = 0; i < member_count; i++)
            if (has_arrived(c, &members[i]))
                left_out = members[i].leaves_out;
        if (!next_stage())
            return lc_strategy_cooperative.choose(c);
    }
    run_length++;
    taken[m->thread]++;
    return m->thread;
}

const struct lc_strategy lc_strategy_guided = {
    .name = "guided", .about = "follow a plan as far as it is possible", .begin = begin, .choose = choose};
