/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The last steps of an execution as a file for reports, beside result.json:
 *
 *   {"version": 1, "steps": of the whole execution, "columns": [the members of a row, in order],
 *    "operations": [name...], "threads": {number: name}, "objects": {number: [kind, name]},
 *    "rows": [[step, thread, operation, object, switched, time_ns]...]}
 *
 * step counts from 1. thread is a number, 0 for the passing of time; operation is an index; object is a
 * number, 0 for none. switched: 0, the thread before went on; 1, it could not; 2, it was preempted. time_ns
 * is virtual, before the step. Rows are in ascending order of steps; a step that is not among them was not
 * kept.
 */
#ifndef LOCKCHECK_TOOL_STEPS_H
#define LOCKCHECK_TOOL_STEPS_H

#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/execution.h"

#include <jansson.h>
#include <stddef.h>

/* What to keep while the schedule runs, as settings.steps_room: 64 MiB of the channel. */
#define STEPS_ROOM (1u << 20)

/*
 * The text of that file: the last steps, and those around the steps that the notes name. The caller frees it;
 * NULL when the execution has no steps.
 */
char *steps_print(struct evidence_reader *reader, const struct execution *execution, const json_t *notes,
                  size_t *length);

#endif
