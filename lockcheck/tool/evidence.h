/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runtime's evidence of a finding (JSON with thread and object numbers and addresses, see
 * lockcheck/runtime/channel.h and lockcheck/runtime/finding.c) made into what result.json shows: names,
 * sentences, symbolised stacks.
 *
 * Members of the result, all of them texts unless it says otherwise:
 *   summary    one sentence
 *   notes      [sentence...], the story of the finding, oldest first
 *   threads    [{id (number), name, state, waits_for (or null), waits_for_object (a name, or null),
 *               holds [object name...], stack ["function (file:line)"...], created [...]}]
 *   objects    [{id (number), name, kind, holder (a thread's name, or null), created [...],
 *               history [{step (number), time_ns (number), thread (a name), event, detail, stack [...]}]}]
 *   graph      [{from, from_type ("thread" or "object"), to, to_type, label}]
 *   outstanding {what: number}
 *   inputs     [{step (number), time_ns (number), thread (a name), input}], the newest that were taken up
 *   sources    {file as in a stack: path}, of those files that are known by one path only
 */
#ifndef LOCKCHECK_TOOL_EVIDENCE_H
#define LOCKCHECK_TOOL_EVIDENCE_H

#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/symbolize.h"

#include <jansson.h>
#include <stdbool.h>

/* Keeps symbolised addresses from one call to the next; programs run at fixed addresses. */
struct evidence_reader;
struct evidence_reader *evidence_reader_new(void);
void evidence_reader_free(struct evidence_reader *reader);

/*
 * The object described above, new. Without (readable) evidence its lists are empty and its summary is the
 * execution's. The caller owns it.
 */
json_t *evidence_describe(struct evidence_reader *reader, const struct execution *execution);

/*
 * What execution->trace is read by: "operations", "threads" and "objects" as in steps.h, the latter of the
 * objects with those numbers. The caller owns it.
 */
json_t *evidence_names(struct evidence_reader *reader, const struct execution *execution,
                       const uint32_t *objects, size_t count);

/*
 * Where in the program's code a stack of execution->stacks is, as "function (file:line)". To be asked after
 * evidence_names() of the same execution. Text that the caller frees, NULL when it is not known.
 */
char *evidence_place(struct evidence_reader *reader, const struct lc_stack *stack);

/*
 * What makes two findings the same, as an identifier "KIND-XXXXXXXX": the kind, the sentence without its
 * numbers, the objects that it names and, with_stacks, where the threads that it names are, without
 * addresses; if one of them runs into the finding, where that one is. The order in which it names them does
 * not count. Text that the caller frees.
 */
char *evidence_identify(struct evidence_reader *reader, const struct execution *execution, bool with_stacks);

/*
 * The stacks that a finding shows: where each thread that has not ended is, and where each thread last had to
 * do with each object that the sentence names.
 */
struct evidence_stack {
    json_int_t thread; /* whose it is */
    bool concerned;    /* the finding is about the thread: its sentence names it, or it was running; every
                        * thread, when there is none of these */
    bool past;         /* of an event */
    size_t lines;
    const struct symbol **symbols; /* innermost first */
};
struct evidence_stacks {
    size_t count;
    struct evidence_stack *stacks; /* threads before events, in the order of their numbers */
};

/* Without evidence there are none. Valid until the reader is used again; evidence_stacks_free(). */
struct evidence_stacks evidence_stacks(struct evidence_reader *reader, const struct execution *execution);
void evidence_stacks_free(struct evidence_stacks *stacks);

#endif
