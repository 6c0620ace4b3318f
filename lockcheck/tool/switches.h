/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The switches of an execution as text: who ran when, where it was preempted or what it waits for, and why
 * the next could run. One line for each of these, in columns:
 *
 *   STEP  TIME  THREAD  WHAT       ...
 *   12    0.000 left    can run    b was released by right at step 9
 *   12    0.000 left    runs       2 steps: lock a, lock b
 *   13    0.000 left    preempted  before unlock of b, at left (abba.c:14)
 *
 * What it needs is in the execution's trace and evidence: see lockcheck/runtime/channel.h.
 */
#ifndef LOCKCHECK_TOOL_SWITCHES_H
#define LOCKCHECK_TOOL_SWITCHES_H

#include "lockcheck/tool/execution.h"

#include <stdint.h>

#define SWITCHES_LAST 40 /* shown unless the user says otherwise */

/* What to show. All 0: the last SWITCHES_LAST, and those at steps that the finding's story names. */
struct switches_window {
    uint64_t from, to; /* steps; 0: from the first, to the last */
    uint64_t last;     /* so many switches before `to`; 0: all, when from or to is given */
};

/* On standard output. */
void switches_print(const struct execution *execution, const struct switches_window *window);

#endif
