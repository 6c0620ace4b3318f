/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command `merge`: the results of several explorations of one program, of shards or of seeds, joined to
 * one. Figures are summed up, different executions are counted once, and findings with one identifier are one
 * finding, which shows the schedule with the lowest number. The outcome depends on the set of directories,
 * not on their order; that of all shards of a search is that of the whole search, where the budget is a
 * number of schedules and --keep-going is given.
 *
 * What is merged must be comparable, and nothing may count twice: the same build and arguments, --points and
 * --detect, and no schedule that two of them have explored. The program need not be there.
 *
 * The directory that is written has no state.json: merged results are reported, but neither gone on with nor
 * merged again.
 */
#ifndef LOCKCHECK_TOOL_MERGE_H
#define LOCKCHECK_TOOL_MERGE_H

#include "lockcheck/tool/options.h"

/* The command. Returns the exit code: that of explore, for what was found. */
int merge_command(const struct options *options);

#endif
