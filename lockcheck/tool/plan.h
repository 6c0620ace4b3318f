/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shrinker works on: the trace of an execution, and plans for strategy `guided` (its file describes
 * them) that are made from parts of a trace.
 */
#ifndef LOCKCHECK_TOOL_PLAN_H
#define LOCKCHECK_TOOL_PLAN_H

#include "lockcheck/runtime/channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a step followed the one before, as in struct lc_step. */
enum { STEP_SAME, STEP_SWITCH, STEP_PREEMPTION };

struct trace {
    size_t length;
    uint32_t *thread;      /* that took the step; 0: time */
    uint32_t *op, *object; /* what the step did, and with what */
    uint8_t *how;          /* STEP_... */
    uint32_t *enabled;     /* how many threads could have taken it */
    uint32_t threads;      /* numbers of threads are below this */
    uint32_t *count;       /* steps that the thread has taken, with this one */
    uint32_t *rest;        /* the same when the thread next blocks, at this step or later, or ends */
    size_t preemption_count;
    size_t *preemptions; /* the steps that are preemptions, ascending */
};

/* Copies what matters of the steps. */
void trace_init(struct trace *trace, const struct lc_step *steps, size_t length);
void trace_free(struct trace *trace);
/* How many preemptions are before that step. */
size_t trace_preemptions_before(const struct trace *trace, size_t step);

struct plan {
    uint8_t *bytes;
    size_t length, room;
};

void plan_free(struct plan *plan);
/* The thread goes on until it has taken `limit` steps in all, or cannot. */
void plan_add_run(struct plan *plan, uint32_t thread, uint64_t limit);
/* The steps from `from` to before `to` as they were. */
void plan_add_exact(struct plan *plan, const struct trace *trace, size_t from, size_t to);
/* The same where counts may be others by now: threads that blocked go on until they block, those that were
 * preempted for as many steps as they took. */
void plan_add_alike(struct plan *plan, const struct trace *trace, size_t from, size_t to);

/* Where the threads of a tame stage stop. */
enum stop {
    STOP_EXACTLY, /* where they were in the trace */
    STOP_AT_REST, /* where they block next, but for the one that is preempted at the end */
    STOP_ALL_AT_REST,
};
/* The work of those steps, each thread going on for as long as it can. */
void plan_add_tame(struct plan *plan, const struct trace *trace, size_t from, size_t to, enum stop stop);

/*
 * Threads (numbers below `threads`, time among them) drawn by lot, for about so many steps: each goes on
 * until it blocks, but for one in `one_in`, which goes on for a few steps.
 */
void plan_add_lots(struct plan *plan, uint64_t seed, uint32_t threads, uint64_t steps, uint32_t one_in);

/*
 * Some of the last preemptions of the trace, which has one at least, in an execution that is otherwise drawn
 * by lot without any: from some time on, when the thread that was preempted comes to where it was, what
 * followed in the trace follows again, each thread being preempted where it was then.
 */
void plan_add_graft(struct plan *plan, uint64_t seed, const struct trace *trace);

#endif
