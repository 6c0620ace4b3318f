/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command `trace`: see trace.h. */
#include "lockcheck/tool/trace.h"
#include "lockcheck/runtime/runtime.h"
#include "lockcheck/tool/ctfread.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDEST 28       /* of a column; longer names move the rest of their line */
#define OBJECTS_TOLD 20 /* in the summary */

/* What is asked for. */
struct choice {
    const struct options *options;
    bool *threads, *objects; /* by number; NULL: all */
    size_t object_count;
    bool operations[LC_TRACE_SWITCH + 1];
    uint64_t begin, end; /* times */
};

struct counts {
    uint64_t events, switches, preemptions;
    uint64_t first_step, last_step, first_time, last_time;
    uint64_t operations[LC_TRACE_SWITCH + 1];
    struct of_thread {
        uint64_t events, runs, preempted, waits;
    } threads[LC_MAX_THREADS];
    struct of_object {
        uint64_t events;
        uint32_t number;
    } * objects; /* by number */
    size_t object_count;
};

/* ---- choosing ---- */

/* A thread or an object may be told by its number: the text is one, and no name. */
static bool is_number(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return isdigit((unsigned char)*text) && !*end;
}

static bool choose_threads(struct choice *choice, struct ctf *ctf)
{
    const char *wanted = choice->options->thread;
    bool found = false;
    uint64_t number;
    if (!wanted)
        return true;
    choice->threads = allocate(LC_MAX_THREADS * sizeof *choice->threads);
    for (uint32_t i = 0; i < LC_MAX_THREADS; i++) {
        choice->threads[i] = (i == LC_TIME || ctf->threads[i]) && strcmp(ctf_thread(ctf, i), wanted) == 0;
        found |= choice->threads[i];
    }
    if (!found && is_number(wanted, &number) && number < LC_MAX_THREADS && (!number || ctf->threads[number]))
        found = choice->threads[number] = true;
    if (found)
        return true;
    complain("--thread %s: there is no such thread; \"lockcheck trace --summary %s\" lists them", wanted,
             ctf->directory);
    return false;
}

static bool choose_objects(struct choice *choice, struct ctf *ctf)
{
    const char *wanted = choice->options->object;
    bool found = false;
    uint64_t number;
    if (!wanted)
        return true;
    choice->object_count = ctf->object_count;
    choice->objects = allocate((ctf->object_count + 1) * sizeof *choice->objects);
    for (uint32_t i = 1; i < ctf->object_count; i++) {
        choice->objects[i] =
            (ctf->objects[i].known || ctf->objects[i].name) && strcmp(ctf_object(ctf, i), wanted) == 0;
        found |= choice->objects[i];
    }
    if (!found && is_number(wanted + (*wanted == '#'), &number) && number && number < ctf->object_count)
        found = choice->objects[number] = true;
    if (found)
        return true;
    complain("--object %s: there is no such object; \"lockcheck trace --summary %s\" lists those used most",
             wanted, ctf->directory);
    return false;
}

/* Words of an operation may have '_' or ' ' between them. */
static bool same_words(const char *a, const char *b)
{
    while (*a && (*a == *b || (strchr(" _", *a) && *b && strchr(" _", *b))))
        a++, b++;
    return !*a && !*b;
}

static void list_operations(const struct ctf *ctf)
{
    char *known = copy_text("");
    for (uint32_t i = 1; i <= LC_TRACE_SWITCH; i++) {
        const char *name = ctf_operation(ctf, i);
        bool told = !name;
        for (uint32_t k = 1; k < i && !told; k++)
            told = ctf_operation(ctf, k) && strcmp(ctf_operation(ctf, k), name) == 0;
        char *more = told ? NULL : print_text("%s%s%s", known, *known ? ", " : "", name);
        if (more) {
            free(known);
            known = more;
        }
    }
    complain("the operations of the trace are: %s", known);
    free(known);
}

static bool choose_operations(struct choice *choice, const struct ctf *ctf)
{
    const char *wanted = choice->options->operation;
    bool found = !wanted;
    for (uint32_t i = 0; i <= LC_TRACE_SWITCH; i++) {
        const char *name = ctf_operation(ctf, i);
        choice->operations[i] = !wanted || (name && same_words(name, wanted));
        found |= choice->operations[i];
    }
    if (!found) {
        complain("--operation %s: there is no such operation", wanted);
        list_operations(ctf);
    }
    return found;
}

static bool chosen(const struct choice *choice, const struct ctf_event *e)
{
    const struct options *options = choice->options;
    bool is_switch = e->id == LC_TRACE_SWITCH;
    if (e->step < options->from || (options->to && e->step > options->to))
        return false;
    if (e->time < choice->begin || e->time > choice->end || !choice->operations[e->id])
        return false;
    if (choice->threads && !choice->threads[e->thread] && !(is_switch && choice->threads[e->next]))
        return false;
    return !choice->objects || (!is_switch && e->object < choice->object_count && choice->objects[e->object]);
}

/* ---- lines ---- */

struct widths {
    int thread, operation;
};

static struct widths widths_of(struct ctf *ctf)
{
    struct widths widths = {6, 9};
    for (uint32_t i = 0; i < LC_MAX_THREADS; i++)
        if (ctf->threads[i] && (int)strlen(ctf->threads[i]) > widths.thread)
            widths.thread = (int)strlen(ctf->threads[i]);
    for (uint32_t i = 1; i <= LC_TRACE_SWITCH; i++)
        if (ctf_operation(ctf, i) && (int)strlen(ctf_operation(ctf, i)) > widths.operation)
            widths.operation = (int)strlen(ctf_operation(ctf, i));
    if (widths.thread > WIDEST)
        widths.thread = WIDEST;
    return widths;
}

static void print_line(struct ctf *ctf, const struct widths *widths, const struct ctf_event *e)
{
    static const char *const states[] = {"preempted", "waits", "ended"};
    printf("%9" PRIu64 "  %14.6f  %-*s  ", e->step, (double)e->time / 1e6, widths->thread,
           ctf_thread(ctf, e->thread));
    bool more = e->id == LC_TRACE_SWITCH || e->argument || e->object;
    printf("%-*s", more ? widths->operation : 0, ctf_operation(ctf, e->id));
    if (e->id == LC_TRACE_SWITCH)
        printf("  to %s, %s", ctf_thread(ctf, e->next), states[e->state]);
    else if (e->argument)
        printf("  %-*s  %" PRId64, WIDEST, ctf_object(ctf, e->object), e->argument);
    else if (e->object)
        printf("  %s", ctf_object(ctf, e->object));
    putchar('\n');
}

static void print_head(const struct widths *widths)
{
    printf("%9s  %14s  %-*s  %-*s  %-*s  %s\n", "STEP", "TIME ms", widths->thread, "THREAD",
           widths->operation, "OPERATION", WIDEST, "OBJECT", "ARGUMENT");
}

/* ---- counting ---- */

static void count_object(struct counts *counts, uint32_t object)
{
    if (object >= counts->object_count) {
        size_t room = counts->object_count ? counts->object_count : 256;
        while (room <= object)
            room *= 2;
        counts->objects = reallocate(counts->objects, room * sizeof *counts->objects);
        for (size_t i = counts->object_count; i < room; i++)
            counts->objects[i] = (struct of_object){.number = (uint32_t)i};
        counts->object_count = room;
    }
    counts->objects[object].events++;
}

static void count_event(struct counts *counts, const struct ctf_event *e)
{
    if (!counts->events++) {
        counts->first_step = e->step;
        counts->first_time = e->time;
    }
    counts->last_step = e->step;
    counts->last_time = e->time;
    counts->operations[e->id]++;
    if (e->id == LC_TRACE_SWITCH) {
        counts->switches++;
        counts->preemptions += e->state == LC_TRACE_PREEMPTED;
        counts->threads[e->next].runs++;
        counts->threads[e->thread].preempted += e->state == LC_TRACE_PREEMPTED;
        counts->threads[e->thread].waits += e->state == LC_TRACE_WAITS;
        return;
    }
    counts->threads[e->thread].events++;
    if (e->object)
        count_object(counts, e->object);
}

static int by_events(const void *a, const void *b)
{
    const struct of_object *left = a, *right = b;
    if (left->events != right->events)
        return left->events < right->events ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

static void print_fact(const struct ctf *ctf, const char *key, const char *title)
{
    char *text = ctf_environment(ctf, key);
    if (text && *text)
        printf("%-10s  %s\n", title, text);
    free(text);
}

static void print_counts(struct ctf *ctf, struct counts *counts)
{
    char *ending = ctf_environment(ctf, "ending");
    print_fact(ctf, "program", "program");
    print_fact(ctf, "arguments", "arguments");
    print_fact(ctf, "schedule", "schedule");
    printf("%-10s  %s\n", "ending", ending ? ending : "not known: lockcheck was killed, or is not done");
    printf("%-10s  %" PRIu64 ", of steps %" PRIu64 " to %" PRIu64 ", %.6f to %.6f ms\n", "events",
           counts->events, counts->first_step, counts->last_step, (double)counts->first_time / 1e6,
           (double)counts->last_time / 1e6);
    if (ctf->first > 1)
        printf("%-10s  %" PRIu64 " events before these\n", "not kept", ctf->first - 1);
    printf("%-10s  %" PRIu64 ", %" PRIu64 " of them preemptions\n", "switches", counts->switches,
           counts->preemptions);

    printf("\n%-*s  %12s  %12s  %12s  %12s\n", WIDEST, "THREAD", "EVENTS", "SWITCHED TO", "PREEMPTED",
           "WAITS");
    for (uint32_t i = 0; i < LC_MAX_THREADS; i++) {
        const struct of_thread *t = &counts->threads[i];
        if (t->events || t->runs || t->preempted || t->waits)
            printf("%-*s  %12" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "\n", WIDEST,
                   ctf_thread(ctf, i), t->events, t->runs, t->preempted, t->waits);
    }

    printf("\n%-*s  %12s\n", WIDEST, "OPERATION", "EVENTS");
    for (uint32_t i = 1; i <= LC_TRACE_SWITCH; i++)
        if (counts->operations[i])
            printf("%-*s  %12" PRIu64 "\n", WIDEST, ctf_operation(ctf, i), counts->operations[i]);

    if (counts->object_count)
        qsort(counts->objects, counts->object_count, sizeof *counts->objects, by_events);
    size_t used = 0;
    while (used < counts->object_count && counts->objects[used].events)
        used++;
    if (used)
        printf("\n%-*s  %12s  %s\n", WIDEST, "OBJECT", "EVENTS", "KIND");
    for (size_t i = 0; i < used && i < OBJECTS_TOLD; i++)
        printf("%-*s  %12" PRIu64 "  %s\n", WIDEST, ctf_object(ctf, counts->objects[i].number),
               counts->objects[i].events, ctf_kind(ctf, counts->objects[i].number));
    if (used > OBJECTS_TOLD)
        printf("... and %zu more\n", used - OBJECTS_TOLD);
    free(ending);
}

/* ---- the command ---- */

/* The newest of those that are chosen, as many as are asked for. */
static void print_last(struct ctf *ctf, const struct choice *choice, const struct widths *widths)
{
    struct ctf_event *ring = NULL, event;
    uint64_t last = choice->options->last, count = 0;
    size_t room = 0;
    while (ctf_next(ctf, &event)) {
        if (!chosen(choice, &event))
            continue;
        if (count == room && room < last) {
            room = room ? 2 * room : 1024;
            room = room < last ? room : last;
            ring = reallocate(ring, room * sizeof *ring);
        }
        ring[count++ % last] = event;
    }
    for (uint64_t i = count > last ? count - last : 0; i < count; i++)
        print_line(ctf, widths, &ring[i % last]);
    free(ring);
}

static void print_chosen(struct ctf *ctf, const struct choice *choice)
{
    struct widths widths = widths_of(ctf);
    struct ctf_event event;
    print_head(&widths);
    if (choice->options->last)
        print_last(ctf, choice, &widths);
    else
        while (!ferror(stdout) && ctf_next(ctf, &event))
            if (chosen(choice, &event))
                print_line(ctf, &widths, &event);
}

static void print_summary(struct ctf *ctf, const struct choice *choice)
{
    struct counts *counts = allocate(sizeof *counts);
    struct ctf_event event;
    while (ctf_next(ctf, &event))
        if (chosen(choice, &event))
            count_event(counts, &event);
    print_counts(ctf, counts);
    free(counts->objects);
    free(counts);
}

int trace_command(const struct options *options)
{
    struct ctf ctf;
    struct choice choice = {
        .options = options,
        .begin = (uint64_t)(options->begin_ms * 1e6 + 0.5),
        .end = options->end_ms < 1e12 ? (uint64_t)(options->end_ms * 1e6 + 0.5) : UINT64_MAX,
    };
    bool good = ctf_read(&ctf, options->directory) == 0 && choose_threads(&choice, &ctf) &&
                choose_objects(&choice, &ctf) && choose_operations(&choice, &ctf);
    if (good && options->summary)
        print_summary(&ctf, &choice);
    else if (good)
        print_chosen(&ctf, &choice);
    int code = good && !ctf.damaged ? EXIT_CLEAN : EXIT_USAGE;
    free(choice.threads);
    free(choice.objects);
    ctf_close(&ctf);
    return code;
}
