/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guided: follow decisions as far as they are possible, in the manner of delta debugging, which tries parts
 * of an input that may not fit together (Zeller, Hildebrandt: Simplifying and isolating failure-inducing
 * input, IEEE TSE 2002). The decisions are runs, as a recording has them; where the thread of a run cannot go
 * on, the rest of the run is left out. After the last one the tame strategy goes on. The runtime records what
 * was really done, and that is what a shorter schedule is made of.
 */
#include "lockcheck/runtime/channel.h"
#include "lockcheck/strategy/strategy.h"

static const uint8_t *at, *limit;
static uint64_t thread, left;

static void begin(const struct lc_schedule_settings *settings)
{
    at = settings->replay;
    limit = at + settings->replay_bytes;
    left = 0;
    lc_strategy_cooperative.begin(settings);
}

/* A number that is cut off ends the decisions. */
static bool next_run(void)
{
    size_t n = lc_varint_get(at, (size_t)(limit - at), &thread);
    size_t m = n ? lc_varint_get(at + n, (size_t)(limit - at) - n, &left) : 0;
    if (m == 0)
        at = limit;
    else
        at += n + m;
    return m > 0;
}

static bool possible(const struct lc_choice *c)
{
    if (thread == LC_TIME)
        return c->time_possible;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->enabled[i] == thread)
            return true;
    return false;
}

static uint32_t choose(const struct lc_choice *c)
{
    while (left == 0 || !possible(c)) {
        left = 0;
        if (!next_run())
            return lc_strategy_cooperative.choose(c);
    }
    left--;
    return (uint32_t)thread;
}

const struct lc_strategy lc_strategy_guided = {.name = "guided",
                                               .about = "follow a schedule as far as it is possible",
                                               .begin = begin,
                                               .choose = choose};
