/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hunt has come to, made into results: while it goes on, and at its end. */
#ifndef LOCKCHECK_TOOL_CONCLUDE_H
#define LOCKCHECK_TOOL_CONCLUDE_H

#include "lockcheck/tool/hunt.h"

/* Writes the results so far, with findings that are not yet confirmed. Returns 0, or -1 with errno. */
int conclude_so_far(struct hunt *hunt);

/*
 * Forgets what was shown by schedules that do not count, confirms each finding by a replay in a fresh
 * process, writes everything and says what there is to say. last_clean: the execution of `run` when it showed
 * nothing, NULL otherwise. Returns the exit code.
 */
int conclude(struct hunt *hunt, const struct execution *last_clean);

#endif
