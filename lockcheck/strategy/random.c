/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * random: the random walk, each enabled thread equally likely at each step (Thomson, Donaldson, Betts:
 * Concurrency testing using controlled schedulers, TOPC 2016, where it is the baseline that is hard to beat).
 *
 * Departure: time is not one thread among equals. If it were, it would pass at every third step or so and a
 * program under a paced load would only ever be seen drowning. Each schedule draws how eager time is, from as
 * eager as a thread down to one step in 1024 (in the spirit of swarm testing: Groce et al., ISSTA 2012), so
 * that a hunt sees both programs that keep up and programs that are late.
 */
#include "lockcheck/strategy/random_number.h"
#include "lockcheck/strategy/strategy.h"

LC_WRITTEN static uint64_t state;
LC_WRITTEN static uint32_t
    eagerness; /* time passes with chance 1 in this many steps; 0: like one more thread */

static void begin(const struct lc_schedule_settings *settings)
{
    state = settings->seed;
    uint32_t draw = lc_random_below(&state, 5);
    eagerness = draw ? 4u << (2 * draw) : 0;
}

static uint32_t choose(const struct lc_choice *c)
{
    if (c->time_possible) {
        uint32_t one_in = eagerness ? eagerness : c->count + 1;
        if (c->count == 0 || lc_random_below(&state, one_in) == 0)
            return LC_TIME;
    }
    if (c->count == 1)
        return c->enabled[0];
    if (c->yielded && c->current_enabled) {
        uint32_t k = lc_random_below(&state, c->count - 1);
        return c->enabled[k] < c->current ? c->enabled[k] : c->enabled[k + 1];
    }
    return c->enabled[lc_random_below(&state, c->count)];
}

const struct lc_strategy lc_strategy_random = {.name = "random",
                                               .about =
                                                   "a random walk: every enabled thread is equally likely",
                                               .begin = begin,
                                               .choose = choose};
