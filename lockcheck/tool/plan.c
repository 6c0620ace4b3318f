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
    trace->op = allocate(length * sizeof *trace->op);
    trace->object = allocate(length * sizeof *trace->object);
    trace->how = allocate(length);
    trace->enabled = allocate(length * sizeof *trace->enabled);
    trace->count = allocate(length * sizeof *trace->count);
    trace->rest = allocate(length * sizeof *trace->rest);
    trace->preemptions = allocate(length * sizeof *trace->preemptions);
    for (size_t i = 0; i < length; i++) {
        trace->thread[i] = steps[i].thread;
        trace->op[i] = steps[i].op;
        trace->object[i] = steps[i].object;
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
    free(trace->op);
    free(trace->object);
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
    uint32_t preempted =
        to < trace->length && trace->how[to] == STEP_PREEMPTION ? running_before(trace, to) : 0;
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

/* Lots with blanks: for some time some threads, time among them, are drawn less often than others. */
struct lots {
    uint64_t random;
    uint32_t threads;
    uint32_t left;                /* draws until it is others */
    uint8_t rare[LC_MAX_THREADS]; /* one draw in 1 << rare counts */
};

static void lots_init(struct lots *lots, uint64_t seed, uint32_t threads)
{
    lots->random = lc_mix64(seed);
    lots->threads = threads;
    lots->left = 0;
}

static uint32_t draw(struct lots *lots)
{
    if (lots->left-- == 0) {
        lots->left = 16u << lc_random_below(&lots->random, 6);
        for (uint32_t i = 0; i < lots->threads; i++)
            lots->rare[i] =
                (uint8_t)(lc_random_below(&lots->random, 3) ? 0 : 2 + lc_random_below(&lots->random, 4));
        lots->rare[lc_random_below(&lots->random, lots->threads)] = 0;
    }
    for (;;) {
        uint32_t thread = lc_random_below(&lots->random, lots->threads);
        if (lc_random_below(&lots->random, 1u << lots->rare[thread]) == 0)
            return thread;
    }
}

void plan_add_lots(struct plan *plan, uint64_t seed, uint32_t threads, uint64_t steps, uint32_t one_in)
{
    struct lots lots;
    lots_init(&lots, seed, threads);
    for (uint64_t i = 0; i < steps; i++) {
        uint32_t thread = draw(&lots);
        bool cut_short = one_in && lc_random_below(&lots.random, one_in) == 0;
        put_run(plan, thread, LC_GUIDED_STAGE,
                thread == LC_TIME ? 1
                : cut_short       ? 1 + lc_random_below(&lots.random, SHORT_RUN)
                                  : LONG_RUN);
    }
}

/* The thread goes on for at most `limit` steps, or until it is about to do what it does in that step; then so
 * many stages are left out. */
static void put_run_to(struct plan *plan, const struct trace *trace, size_t step, uint64_t limit,
                       uint64_t leaves_out)
{
    put_run(plan, trace->thread[step], LC_GUIDED_BEFORE, limit);
    put(plan, trace->op[step]);
    put(plan, trace->object[step]);
    put(plan, leaves_out);
}

/* The next step of the thread from `step` on; the length of the trace if there is none. */
static size_t next_step_of(const struct trace *trace, uint32_t thread, size_t step)
{
    while (step < trace->length && trace->thread[step] != thread)
        step++;
    return step;
}

/* The same runs as those steps are, each to where it was left. */
static void add_to_same_places(struct plan *plan, const struct trace *trace, size_t from, size_t to)
{
    for (size_t first = from, i; first < to; first = i + 1) {
        i = last_of_run(trace, first, to);
        uint32_t thread = trace->thread[i];
        size_t next = next_step_of(trace, thread, i + 1);
        if (thread == LC_TIME || blocks_after(trace, i) || next == trace->length)
            plan_add_alike(plan, trace, first, i + 1);
        else
            put_run_to(plan, trace, next, (i + 1 - first) * 2 + 100, 0);
    }
}

#define GRAFTED_LOG 6u  /* logarithm of how many preemptions are taken at most, and from the last how many */
#define STEPS_OF_RUN 8u /* on average, about */

void plan_add_graft(struct plan *plan, uint64_t seed, const struct trace *trace)
{
    uint64_t random = lc_mix64(seed);
    size_t n = trace->preemption_count;
    size_t first = n - 1 - lc_random_below(&random, 1u << lc_random_below(&random, GRAFTED_LOG + 1)) % n;
    size_t end = first + (1u << lc_random_below(&random, GRAFTED_LOG + 1));
    size_t from = trace->preemptions[first], to = end < n ? trace->preemptions[end] : trace->length;
    uint32_t runs = (uint32_t)(trace->length / STEPS_OF_RUN) + 1;
    plan_add_lots(plan, lc_random_next(&random), trace->threads, lc_random_below(&random, runs), 0);
    uint32_t preempted = running_before(trace, from);
    size_t place = next_step_of(trace, preempted, from);
    struct lots lots;
    lots_init(&lots, lc_random_next(&random), trace->threads);
    for (uint32_t i = 0; i < runs && place < trace->length; i++) {
        uint32_t thread = draw(&lots);
        if (thread == preempted)
            put_run_to(plan, trace, place, LONG_RUN, runs - 1 - i);
        else
            put_run(plan, thread, LC_GUIDED_STAGE, thread == LC_TIME ? 1 : LONG_RUN);
    }
    add_to_same_places(plan, trace, from, to);
    plan_add_lots(plan, lc_random_next(&random), trace->threads, runs, 0);
}
