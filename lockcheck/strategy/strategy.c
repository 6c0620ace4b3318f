/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of strategies. */
#include <string.h>

#include "lockcheck/strategy/strategy.h"

static const struct lc_strategy *const strategies[] = {
    &lc_strategy_portfolio,   &lc_strategy_random, &lc_strategy_pct,
    &lc_strategy_pos,         &lc_strategy_surw,   &lc_strategy_dfs,
    &lc_strategy_cooperative, &lc_strategy_replay, &lc_strategy_guided};

const struct lc_strategy *lc_strategy_find(const char *name)
{
    for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++)
        if (strcmp(strategies[i]->name, name) == 0)
            return strategies[i];
    return NULL;
}

const struct lc_strategy *lc_strategy_at(size_t index)
{
    return index < sizeof strategies / sizeof *strategies ? strategies[index] : NULL;
}
