/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pos: Yuan, Yang, Gu: Partial order aware concurrency sampling, CAV 2018.
 *
 * The event that each thread would do next has a random priority, and the highest takes place. Events that
 * depend on it (they touch the same object, and not both only read) get new priorities, all others keep
 * theirs. So who comes first is decided once for each pair of events whose order matters, where a random walk
 * decides at every step, and an event can be late by many steps of others.
 *
 * Departures. Of events that wait for a lock only those that could take it now get new priorities; the others
 * have not been compared with anything since they got theirs. The passing of time depends on every event and
 * would get a new priority at each step; it keeps its own, see priority.h, also for threads that spin.
 */
#include "lockcheck/strategy/priority.h"

static struct lc_priorities priorities;

static void begin(const struct lc_schedule_settings *settings)
{
    lc_priorities_begin(&priorities, settings, true);
}

/* New priorities for the events that race with what `chosen` is about to do. */
static void redraw_dependent(const struct lc_choice *c, uint32_t chosen)
{
    struct lc_next event = c->next(chosen);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->enabled[i] == chosen)
            continue;
        struct lc_next other = c->next(c->enabled[i]);
        if (lc_next_dependent(&event, &other))
            priorities.of[c->enabled[i]] = lc_priority_random(&priorities);
    }
}

static uint32_t choose(const struct lc_choice *c)
{
    lc_priorities_update(&priorities, c);
    uint32_t chosen = lc_priorities_highest(&priorities, c);
    if (chosen != LC_TIME) {
        if (c->count > 1)
            redraw_dependent(c, chosen);
        priorities.of[chosen] = lc_priority_random(&priorities); /* of the event after this one */
    }
    return lc_priorities_take(&priorities, chosen);
}

const struct lc_strategy lc_strategy_pos = {
    .name = "pos",
    .about = "random priorities of events, drawn again where events race: samples partial orders",
    .begin = begin,
    .choose = choose};
