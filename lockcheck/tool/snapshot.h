/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wait graph of a native process at one moment, with stacks of all threads, as the evidence that the
 * runtime writes of a controlled one (see lockcheck/runtime/finding.c), so that all that shows evidence shows
 * it.
 *
 * Left out: what happened to an object earlier. Of a lock that is held, its history says when it was taken
 * and where; times are from the process's start, of the clock in lockcheck/native/record.h.
 */
#ifndef LOCKCHECK_TOOL_SNAPSHOT_H
#define LOCKCHECK_TOOL_SNAPSHOT_H

#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/watch.h"

/* What it is taken for. */
enum snapshot_reason {
    SNAPSHOT_GRAPH,    /* somebody asked for it */
    SNAPSHOT_DEADLOCK, /* watched_deadlock() */
    SNAPSHOT_HANG,     /* watched_hang() */
    SNAPSHOT_TIMEOUT,  /* the program has not ended in time */
    SNAPSHOT_REPORT,   /* watched->report */
};

/*
 * Stops the process, describes it, and lets it go on. started_ns: when it was started, by CLOCK_MONOTONIC;
 * seconds: how long it may run, for the sentence of a SNAPSHOT_TIMEOUT. Fills in ending, kind, summary and
 * evidence of the execution; the caller frees it with execution_free(). Returns 0, or -1 with errno when the
 * process cannot be read.
 */
int snapshot_take(struct watched *watched, enum snapshot_reason reason, uint64_t started_ns, double seconds,
                  struct execution *execution);

#endif
