/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The strategies as users see them. There is one list, that of lockcheck/strategy/strategy.c, which is linked
 * into the command as it is into the runtime.
 */
#ifndef LOCKCHECK_TOOL_STRATEGIES_H
#define LOCKCHECK_TOOL_STRATEGIES_H

#include "lockcheck/strategy/strategy.h"

#include <stdbool.h>

/* What explore takes when none is named: what one strategy misses another may find. */
#define DEFAULT_STRATEGY "portfolio"

/* Users may name it: it needs no decisions to follow. */
bool strategy_offered(const char *name);

/* "random, pct, ...": text that the caller frees. */
char *strategy_names(void);

/* The command `lockcheck strategies`. Returns the exit code. */
int strategies_command(void);

#endif
