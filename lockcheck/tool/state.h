/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.json: what --resume needs to go on with an exploration, in the directory of its results. All of it is
 * a function of the options and of the schedules that have ended, but the time.
 *
 *     version      1
 *     program, program_path, cwd, build_id    as in result.json
 *     strategy, seed, max_steps, depth, preemptions, points, shard, shards, keep_going    the options
 *     last         the number of the schedule with which the budget ends, null for none
 *     limit        the seconds after which it ends, null for none
 *     seconds      those that have passed
 *     exhausted    the strategy has nothing left to explore
 *     tally        figures of the schedules that have ended, see tally.h
 *     findings     [{id, count, number, seconds, schedule: the name of its file}]
 */
#ifndef LOCKCHECK_TOOL_STATE_H
#define LOCKCHECK_TOOL_STATE_H

#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/result.h"

#define STATE_FILE "state.json"

/* The state of the hunt as text that the caller frees. */
char *state_print(const struct hunt *hunt);

/*
 * Makes hunt what it was when its state was written to directory: options, program, tally and findings. The
 * budget is the rest of what it was, or what options say. Returns 0, or -1 after saying what is wrong.
 */
int state_resume(struct hunt *hunt, const char *directory);

/* The same without a budget and without a look at the program, which need not be there. */
int state_load(struct hunt *hunt, const char *directory);

#endif
