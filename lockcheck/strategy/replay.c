/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay: the recorded decisions again. Where the recording ends before the program does, the tame strategy
 * goes on; where it asks for a thread that cannot run, the execution is not the recorded one and is given up.
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

/* Leaves `at` where it is when there is no whole run: only a recording that ends with one is at its end. */
static bool next_run(void)
{
    size_t n = lc_varint_get(at, (size_t)(limit - at), &thread);
    size_t m = n ? lc_varint_get(at + n, (size_t)(limit - at) - n, &left) : 0;
    if (m == 0 || left == 0)
        return false;
    at += n + m;
    return true;
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
    if (left == 0 && !next_run())
        return at == limit ? lc_strategy_cooperative.choose(c) : LC_NO_CHOICE;
    if (!possible(c))
        return LC_NO_CHOICE;
    left--;
    return (uint32_t)thread;
}

const struct lc_strategy lc_strategy_replay = {
    .name = "replay", .about = "follow a recorded schedule", .begin = begin, .choose = choose};
