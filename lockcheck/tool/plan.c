/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces and plans: see plan.h. */
#include "lockcheck/tool/plan.h"
#include "lockcheck/strategy/random_number.h"
#include "lockcheck/tool/text.h"

#include <stdlib.h>
#include <string.h>

/* Does the thread of that step block after it? */
static bool blocks_after(const struct trace *trace, size_t step)
{
    return step + 1 < trace->length && trace->how[step + 1] == STEP_SWITCH;
}

void trace_init(struct trace *trace, const struct lc_step *steps, size_t length)
{
    *trace = (struct trace){.length = length, .threads = 1};
    trace->thread = allocate(length * sizeof *trace->thread);
    trace->how = allocate(length);
    trace->enabled = allocate(length * sizeof *trace->enabled);
    trace->count = allocate(length * sizeof *trace->count);
    trace->rest = allocate(length * sizeof *trace->rest);
    trace->preemptions = allocate(length * sizeof *trace->preemptions);
    for (size_t i = 0; i < length; i++) {
        trace->thread[i] = steps[i].thread;
        trace->how[i] = (uint8_t)steps[i].switched;
        trace->enabled[i] = steps[i].enabled;
        if (steps[i].thread >= trace->threads)
            trace->threads = steps[i].thread + 1;
        if (trace->how[i] == STEP_PREEMPTION)
            trace->preemptions[trace->preemption_count++] = i;
    }
    uint32_t *by_thread = allocate(trace->threads * sizeof *by_thread);
    for (size_t i = 0; i < length; i++)
        trace->count[i] = ++by_thread[trace->thread[i]];
    for (size_t i = length; i-- > 0;) {
        /* by_thread is the total until the last block of the thread is met on the way back. */
        if (trace->thread[i] != LC_TIME && blocks_after(trace, i))
            by_thread[trace->thread[i]] = trace->count[i];
        trace->rest[i] = trace->thread[i] == LC_TIME ? trace->count[i] : by_thread[trace->thread[i]];
    }
    free(by_thread);
}

void trace_free(struct trace *trace)
{
    free(trace->thread);
    free(trace->how);
    free(trace->enabled);
    free(trace->count);
    free(trace->rest);
    free(trace->preemptions);
    *trace = (struct trace){0};
}

size_t trace_preemptions_before(const struct trace *trace, size_t step)
{
    size_t low = 0, high = trace->preemption_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (trace->preemptions[middle] < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void plan_free(struct plan *plan)
{
    free(plan->bytes);
    *plan = (struct plan){0};
}

static void put(struct plan *plan, uint64_t value)
{
    if (plan->room - plan->length < 10)
        plan->bytes = reallocate(plan->bytes, plan->room = plan->room * 2 + 4096);
    plan->length += lc_varint_put(plan->bytes + plan->length, value);
}

static void put_run(struct plan *plan, uint32_t thread, enum lc_guided_limit counts, uint64_t limit)
{
    put(plan, 1);
    put(plan, thread);
    put(plan, counts);
    put(plan, limit);
}

void plan_add_run(struct plan *plan, uint32_t thread, uint64_t limit)
{
    put_run(plan, thread, LC_GUIDED_ALL, limit);
}

/* The last step of the run that has the step, but before `to`. */
static size_t last_of_run(const struct trace *trace, size_t step, size_t to)
{
    while (step + 1 < to && trace->thread[step + 1] == trace->thread[step])
        step++;
    return step;
}

void plan_add_exact(struct plan *plan, const struct trace *trace, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        i = last_of_run(trace, i, to);
        plan_add_run(plan, trace->thread[i], trace->count[i]);
    }
}

void plan_add_alike(struct plan *plan, const struct trace *trace, size_t from, size_t to)
{
    for (size_t first = from, i; first < to; first = i + 1) {
        i = last_of_run(trace, first, to);
        uint64_t length = i + 1 - first;
        /* A thread that spins instead of blocking must come to an end. */
        if (trace->thread[i] != LC_TIME && blocks_after(trace, i))
            length = length * 2 + 100;
        put_run(plan, trace->thread[i], LC_GUIDED_STAGE, length);
    }
}

/* The thread that runs when the step is about to be taken, time aside; 0 at the beginning. */
static uint32_t running_before(const struct trace *trace, size_t step)
{
    while (step > 0 && trace->thread[step - 1] == LC_TIME)
        step--;
    return step ? trace->thread[step - 1] : 0;
}

void plan_add_tame(struct plan *plan, const struct trace *trace, size_t from, size_t to, enum stop stop)
{
    /* The last step of each thread, and the threads in the order of their first. */
    size_t *last = allocate(trace->threads * sizeof *last);
    uint32_t *order = allocate(trace->threads * sizeof *order);
    size_t members = 0;
    for (size_t i = from; i < to; i++) {
        if (!last[trace->thread[i]])
            order[members++] = trace->thread[i];
        last[trace->thread[i]] = i + 1;
    }
    uint32_t preempted = to < trace->length && trace->how[to] == STEP_PREEMPTION ? running_before(trace, to) : 0;
    put(plan, members);
    for (size_t k = 0; k < members; k++) {
        uint32_t thread = order[k];
        size_t i = last[thread] - 1;
        bool exactly = stop == STOP_EXACTLY || (stop == STOP_AT_REST && thread == preempted);
        put(plan, thread);
        put(plan, LC_GUIDED_ALL);
        put(plan, exactly ? trace->count[i] : trace->rest[i]);
    }
    free(last);
    free(order);
}

#define SHORT_RUN 32u  /* steps, at most, of a run that is cut short */
#define LONG_RUN 1000u /* of one that is not: it blocks before, or spins */

void plan_add_lots(struct plan *plan, uint64_t seed, uint32_t threads, uint64_t steps, uint32_t one_in)
{
    uint64_t random = lc_mix64(seed);
    for (uint64_t i = 0; i < steps; i++) {
        uint32_t thread = lc_random_below(&random, threads);
        bool cut_short = lc_random_below(&random, one_in) == 0;
        put_run(plan, thread, LC_GUIDED_STAGE,
                thread == LC_TIME ? 1
                : cut_short       ? 1 + lc_random_below(&random, SHORT_RUN)
                                  : LONG_RUN);
    }
}
