/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The strategies as users see them: see strategies.h. */
#include "lockcheck/tool/strategies.h"
#include "lockcheck/tool/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* They follow a file, which `replay` and `shrink` give them. */
static bool follows(const struct lc_strategy *strategy)
{
    return strcmp(strategy->name, "replay") == 0 || strcmp(strategy->name, "guided") == 0;
}

bool strategy_offered(const char *name)
{
    const struct lc_strategy *strategy = lc_strategy_find(name);
    return strategy && !follows(strategy);
}

char *strategy_names(void)
{
    char *names = copy_text("");
    const struct lc_strategy *strategy;
    for (size_t i = 0; (strategy = lc_strategy_at(i)); i++) {
        if (follows(strategy))
            continue;
        char *longer = print_text("%s%s%s", names, *names ? ", " : "", strategy->name);
        free(names);
        names = longer;
    }
    return names;
}

int strategies_command(void)
{
    const struct lc_strategy *strategy;
    for (size_t i = 0; (strategy = lc_strategy_at(i)); i++)
        if (!follows(strategy))
            printf("%-12s %s%s\n", strategy->name, strategy->about,
                   strcmp(strategy->name, DEFAULT_STRATEGY) == 0 ? " (default of explore)" : "");
    return EXIT_CLEAN;
}
