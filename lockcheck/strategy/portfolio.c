/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portfolio: schedules are shared out among strategies by their number, since none is the best for all
 * programs (Thomson, Donaldson, Betts: Concurrency testing using controlled schedulers, TOPC 2016, compares
 * them bug by bug). What one strategy finds soon, the portfolio finds within a few times as many schedules.
 *
 * Each strategy draws for each schedule how eager time is. surw has the most shares, since it misses least of
 * the suite in tests/programs; pct has one share with the depth that the user has chosen, and one for bugs
 * that need more switches.
 */
#include "lockcheck/strategy/strategy.h"

static const struct share {
    const struct lc_strategy *strategy;
    uint32_t depth; /* pct; 0: the user's, or its default */
} shares[] = {
    {&lc_strategy_random, 0}, {&lc_strategy_surw, 0}, {&lc_strategy_pct, 0}, {&lc_strategy_pos, 0},
    {&lc_strategy_surw, 0},   {&lc_strategy_pct, 5},  {&lc_strategy_pos, 0}, {&lc_strategy_surw, 0},
};

static const struct lc_strategy *strategy;

static void begin(const struct lc_schedule_settings *settings)
{
    /* Numbers begin with 1. */
    const struct share *share = &shares[(settings->schedule - 1) % (sizeof shares / sizeof *shares)];
    struct lc_schedule_settings own = *settings;
    if (share->depth)
        own.depth = share->depth;
    strategy = share->strategy;
    strategy->begin(&own);
}

static uint32_t choose(const struct lc_choice *c)
{
    return strategy->choose(c);
}

const struct lc_strategy lc_strategy_portfolio = {
    .name = "portfolio",
    .about = "random, pct, pos and surw in turn: for a program that is not known yet",
    .profiles = true,
    .begin = begin,
    .choose = choose};
