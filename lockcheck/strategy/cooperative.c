/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cooperative: a thread runs until it blocks or yields, then the next in order of number. Time passes only
 * when nobody can run. This is the tame execution that start-up and `lockcheck run` use.
 *
 * A program that spins (a trylock loop, a loop on the clock) would never let go, so a thread is taken off
 * after QUANTUM steps in a row, and time passes at least once in PATIENCE steps.
 */
#include "lockcheck/strategy/strategy.h"

#define QUANTUM 10000u
#define PATIENCE 100000u

static uint32_t run_length;
static uint32_t since_time;

static void begin(const struct lc_schedule_settings *settings)
{
    (void)settings;
    run_length = 0;
    since_time = 0;
}

static uint32_t choose(const struct lc_choice *c)
{
    if (c->time_possible && (c->count == 0 || ++since_time >= PATIENCE)) {
        since_time = 0;
        return LC_TIME;
    }
    if (c->current_enabled && !c->yielded && ++run_length < QUANTUM)
        return c->current;
    run_length = 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->enabled[i] > c->current)
            return c->enabled[i];
    return c->enabled[0];
}

const struct lc_strategy lc_strategy_cooperative = {
    .name = "cooperative",
    .about = "threads run until they block, time passes when all do: the tame execution",
    .begin = begin,
    .choose = choose};
