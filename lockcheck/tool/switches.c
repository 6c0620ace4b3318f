/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switches of an execution as text: see switches.h. */
#include "lockcheck/tool/switches.h"
#include "lockcheck/runtime/runtime.h"
#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPERATIONS 6u /* told of a run */

/* Steps of one thread in a row. */
struct run {
    size_t begin, end; /* indices of the trace; end is behind the last */
    uint64_t own_step; /* the thread's last step before, 0: none that is known */
    bool shown;
};

struct trace {
    const struct execution *execution;
    uint64_t first; /* number of the first step of the trace */
    struct run *runs;
    size_t run_count;
    struct evidence_reader *reader;
    json_t *names;       /* evidence_names() */
    json_t *description; /* evidence_describe() */
    int thread_width;
};

static const struct lc_step *step_at(const struct trace *trace, size_t index)
{
    return &trace->execution->trace[index];
}

/* The step of that number, or NULL when it has not been kept. */
static const struct lc_step *step_number(const struct trace *trace, uint64_t number)
{
    return number >= trace->first && number - trace->first < trace->execution->trace_length
               ? step_at(trace, number - trace->first)
               : NULL;
}

static void find_runs(struct trace *trace)
{
    size_t length = trace->execution->trace_length;
    uint64_t *own_steps = allocate(LC_MAX_THREADS * sizeof *own_steps);
    trace->runs = allocate((length + 1) * sizeof *trace->runs);
    for (size_t i = 0; i < length; i++) {
        uint32_t thread = step_at(trace, i)->thread;
        if (i == 0 || thread != step_at(trace, i - 1)->thread)
            trace->runs[trace->run_count++] =
                (struct run){.begin = i, .own_step = thread < LC_MAX_THREADS ? own_steps[thread] : 0};
        trace->runs[trace->run_count - 1].end = i + 1;
        if (thread < LC_MAX_THREADS)
            own_steps[thread] = trace->first + i;
    }
    free(own_steps);
}

/* ---- what is shown ---- */

static void show_named(struct trace *trace, const char *text)
{
    static const char word[] = "step ";
    while ((text = strstr(text, word))) {
        text += strlen(word);
        uint64_t step = strtoull(text, NULL, 10);
        for (size_t i = 0; i < trace->run_count; i++)
            if (trace->first + trace->runs[i].begin <= step && step < trace->first + trace->runs[i].end)
                trace->runs[i].shown = true;
    }
}

static void choose_runs(struct trace *trace, const struct switches_window *window)
{
    uint64_t to = window->to ? window->to : UINT64_MAX;
    bool by_default = !window->from && !window->to && !window->last;
    uint64_t left = window->last ? window->last : by_default ? SWITCHES_LAST : UINT64_MAX;
    for (size_t i = trace->run_count; i-- > 0 && left;) {
        struct run *run = &trace->runs[i];
        run->shown = trace->first + run->begin <= to && trace->first + run->end > window->from;
        left -= run->shown;
    }
    size_t i;
    const json_t *note;
    if (by_default)
        json_array_foreach(json_object_get(trace->description, "notes"), i, note)
            show_named(trace, json_string_value(note));
}

static void add_object(uint32_t **objects, size_t *count, bool *seen, uint32_t object)
{
    if (!object || seen[object])
        return;
    seen[object] = true;
    *objects = reallocate(*objects, (*count + 1) * sizeof **objects);
    (*objects)[(*count)++] = object;
}

/* The names of all objects: which the shown lines need is not known before they are made. */
static void read_names(struct trace *trace)
{
    uint32_t last = 0;
    for (size_t i = 0; i < trace->execution->trace_length; i++) {
        const struct lc_step *step = step_at(trace, i);
        const uint32_t objects[] = {step->object, step->object2, step->left_object};
        for (size_t k = 0; k < 3; k++)
            last = objects[k] > last ? objects[k] : last;
    }
    bool *seen = allocate((size_t)last + 1);
    uint32_t *objects = NULL;
    size_t count = 0;
    for (size_t i = 0; i < trace->run_count; i++)
        if (trace->runs[i].shown)
            for (size_t k = trace->runs[i].begin; k < trace->runs[i].end + 1; k++) {
                if (k >= trace->execution->trace_length)
                    continue;
                const struct lc_step *step = step_at(trace, k), *cause = step_number(trace, step->able_since);
                add_object(&objects, &count, seen, step->object);
                add_object(&objects, &count, seen, step->left_object);
                if (cause) {
                    add_object(&objects, &count, seen, cause->object);
                    add_object(&objects, &count, seen, cause->object2);
                }
            }
    trace->names = evidence_names(trace->reader, trace->execution, objects, count);
    free(objects);
    free(seen);
}

/* ---- words ---- */

static const char *thread_name(const struct trace *trace, uint32_t thread)
{
    static char number[24];
    if (thread == LC_TIME)
        return "time";
    snprintf(number, sizeof number, "%" PRIu32, thread);
    const char *name = json_string_value(json_object_get(json_object_get(trace->names, "threads"), number));
    if (name)
        return name;
    snprintf(number, sizeof number, "thread %" PRIu32, thread);
    return number;
}

/* NULL for no object. Valid up to the next call when there is no name. */
static const char *object_name(const struct trace *trace, uint32_t object)
{
    static char number[24];
    if (!object)
        return NULL;
    snprintf(number, sizeof number, "%" PRIu32, object);
    const json_t *known = json_object_get(json_object_get(trace->names, "objects"), number);
    const char *name = json_string_value(json_array_get(known, 1));
    if (name)
        return name;
    snprintf(number, sizeof number, "object %" PRIu32, object);
    return number;
}

static const char *operation_name(const struct trace *trace, uint32_t op)
{
    const char *name = json_string_value(json_array_get(json_object_get(trace->names, "operations"), op));
    return name ? name : "step";
}

/* more: what follows in the line begins in the last column. */
static void print_head(const struct trace *trace, uint64_t number, int64_t time_ns, uint32_t thread,
                       const char *what, bool more)
{
    printf("%9" PRIu64 "  %12.3f  %-*s  %-*s%s", number, (double)time_ns / 1e6, trace->thread_width,
           thread_name(trace, thread), more ? 9 : 0, what, more ? "  " : "\n");
}

static void print_place(const struct trace *trace, uint32_t stack)
{
    char *place = stack < trace->execution->stack_count
                      ? evidence_place(trace->reader, &trace->execution->stacks[stack])
                      : NULL;
    if (place)
        printf(", at %s", place);
    free(place);
}

/* What made the thread able to run in that step. */
static void print_cause(const struct trace *trace, uint64_t number, const struct lc_step *cause,
                        uint32_t waited_op)
{
    const char *who = thread_name(trace, cause->thread), *object = object_name(trace, cause->object);
    const char *what = object ? object : "";
    switch (cause->op) {
    case LC_OP_TIME:
        printf(waited_op == LC_OP_SLEEP ? "its sleep ended" : "its wait timed out");
        break;
    case LC_OP_THREAD_CREATE:
        printf("made by %s", who);
        break;
    case LC_OP_THREAD_EXIT:
        printf("%s ended", who);
        break;
    case LC_OP_UNLOCK:
        printf("%s was released by %s", what, who);
        break;
    case LC_OP_WAIT:
    case LC_OP_TIMEDWAIT: {
        const char *mutex = object_name(trace, cause->object2);
        printf("%s was released by %s, to wait", mutex ? mutex : "a mutex", who);
        break;
    }
    case LC_OP_SIGNAL:
    case LC_OP_BROADCAST:
        printf("%s was signalled by %s", what, who);
        break;
    case LC_OP_SEM_POST:
        printf("%s was posted by %s", what, who);
        break;
    default:
        printf("after %s of %s%s%s", operation_name(trace, cause->op), who, object ? ", " : "", what);
        break;
    }
    printf(" at step %" PRIu64, number);
}

static void print_why(const struct trace *trace, const struct run *run)
{
    const struct lc_step *step = step_at(trace, run->begin);
    print_head(trace, trace->first + run->begin, step->time_ns, step->thread, "can run", true);
    const struct lc_step *cause = step_number(trace, step->able_since);
    if (run->own_step && step->able_since <= run->own_step)
        printf("was able to all the time since its step %" PRIu64, run->own_step);
    else if (cause)
        print_cause(trace, step->able_since, cause, step->op);
    else if (step->able_since)
        printf("since step %" PRIu64, step->able_since);
    else
        printf("was able to from the start");
    putchar('\n');
}

static void print_steps(const struct trace *trace, const struct run *run)
{
    const struct lc_step *step = step_at(trace, run->begin);
    size_t count = run->end - run->begin;
    print_head(trace, trace->first + run->begin, step->time_ns, step->thread, "runs", true);
    printf("%zu step%s: ", count, count == 1 ? "" : "s");
    for (size_t i = 0; i < count && i < OPERATIONS; i++) {
        /* Of many, the last ones: they lead to what follows. */
        size_t index = count > OPERATIONS ? run->end - OPERATIONS + i : run->begin + i;
        const char *object = object_name(trace, step_at(trace, index)->object);
        printf("%s%s%s%s",
               i                    ? ", "
               : count > OPERATIONS ? "..., "
                                    : "",
               operation_name(trace, step_at(trace, index)->op), object ? " " : "", object ? object : "");
    }
    putchar('\n');
}

/* What became of the thread, as the step after its run tells. */
static void print_left(const struct trace *trace, const struct run *run)
{
    const struct lc_step *last = step_at(trace, run->end - 1), *next = step_at(trace, run->end);
    uint64_t number = trace->first + run->end - 1;
    if (next->left != last->thread)
        return;
    if (next->left_ended) {
        print_head(trace, number, next->time_ns, last->thread, "ended", false);
        return;
    }
    const char *object = object_name(trace, next->left_object);
    print_head(trace, number, next->time_ns, last->thread, next->switched == 2 ? "preempted" : "waits", true);
    printf("%s%s%s%s", next->switched == 2 ? "before " : "in ", operation_name(trace, next->left_op),
           object ? " of " : "", object ? object : "");
    print_place(trace, next->left_stack);
    putchar('\n');
}

/* What the thread waits for that ran last. */
static void print_last(const struct trace *trace, const struct run *run)
{
    const struct lc_step *last = step_at(trace, run->end - 1);
    size_t i;
    const json_t *thread;
    json_array_foreach(json_object_get(trace->description, "threads"), i, thread)
    {
        const char *wait = json_string_value(json_object_get(thread, "waits_for"));
        if (json_integer_value(json_object_get(thread, "id")) != (json_int_t)last->thread || !wait)
            continue;
        print_head(trace, trace->execution->steps, (int64_t)trace->execution->virtual_ns, last->thread,
                   "waits", true);
        printf("in %s", wait);
        size_t k;
        const json_t *line;
        json_array_foreach(json_object_get(thread, "stack"), k,
                           line) if (strchr(json_string_value(line), '('))
        {
            printf(", at %s", json_string_value(line));
            break;
        }
        putchar('\n');
    }
}

static void print_run(const struct trace *trace, size_t index)
{
    const struct run *run = &trace->runs[index];
    const struct lc_step *step = step_at(trace, run->begin);
    if (step->thread == LC_TIME) {
        const struct lc_step *next =
            run->end < trace->execution->trace_length ? step_at(trace, run->end) : NULL;
        print_head(trace, trace->first + run->begin, step->time_ns, LC_TIME, "passes", true);
        printf("to %.3f ms\n", (double)(next ? next->time_ns : (int64_t)trace->execution->virtual_ns) / 1e6);
        return;
    }
    print_why(trace, run);
    print_steps(trace, run);
    if (run->end < trace->execution->trace_length)
        print_left(trace, run);
    else
        print_last(trace, run);
}

static void print_runs(struct trace *trace)
{
    printf("%9s  %12s  %-*s  %s\n", "STEP", "TIME ms", trace->thread_width, "THREAD", "WHAT");
    size_t left_out = 0;
    uint64_t begin = 0;
    for (size_t i = 0; i <= trace->run_count; i++) {
        if (i < trace->run_count && !trace->runs[i].shown) {
            begin = left_out++ ? begin : trace->first + trace->runs[i].begin;
            continue;
        }
        if (left_out)
            printf("      ...  %zu switch%s left out, from step %" PRIu64 " to %" PRIu64 "\n", left_out,
                   left_out == 1 ? "" : "es", begin, trace->first + trace->runs[i - 1].end - 1);
        left_out = 0;
        if (i < trace->run_count)
            print_run(trace, i);
    }
}

static void print_end(const struct trace *trace)
{
    const struct execution *execution = trace->execution;
    const char *summary = json_string_value(json_object_get(trace->description, "summary"));
    uint64_t preemptions = 0;
    for (size_t i = 0; i < execution->trace_length; i++)
        preemptions += step_at(trace, i)->switched == 2 && step_at(trace, i)->thread != LC_TIME;
    printf("%9" PRIu64 "  %12.3f  %-*s  %-9s  %s%s%s\n", execution->steps,
           (double)execution->virtual_ns / 1e6, trace->thread_width, "", "end", execution->kind,
           summary && *summary ? ": " : "", summary ? summary : "");
    size_t i;
    const json_t *note;
    json_array_foreach(json_object_get(trace->description, "notes"), i, note)
        printf("%*s  %s\n", 9 + 2 + 12 + 2 + trace->thread_width + 2 + 9, "", json_string_value(note));
    printf("lockcheck: %" PRIu64 " steps, %zu switches, %" PRIu64 " preemptions%s\n", execution->steps,
           trace->run_count ? trace->run_count - 1 : 0, preemptions,
           trace->first > 1 ? ", of the newest steps that could be kept" : "");
}

void switches_print(const struct execution *execution, const struct switches_window *window)
{
    struct trace trace = {.execution = execution,
                          .first = execution->steps - execution->trace_length + 1,
                          .reader = evidence_reader_new(),
                          .thread_width = 6};
    find_runs(&trace);
    trace.description = evidence_describe(trace.reader, execution);
    choose_runs(&trace, window);
    read_names(&trace);
    const char *key;
    json_t *name;
    json_object_foreach(json_object_get(trace.names, "threads"), key,
                        name) if ((int)json_string_length(name) > trace.thread_width) trace.thread_width =
        (int)json_string_length(name);
    print_runs(&trace);
    print_end(&trace);
    json_decref(trace.names);
    json_decref(trace.description);
    evidence_reader_free(trace.reader);
    free(trace.runs);
}
