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
 */
#ifndef LOCKCHECK_TOOL_EVIDENCE_H
#define LOCKCHECK_TOOL_EVIDENCE_H

#include "lockcheck/tool/execution.h"

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
 * What makes two findings the same, as an identifier "KIND-XXXXXXXX": the kind, the sentence without its
 * numbers, the objects that it names and, with_stacks, where the threads that it names are, without
 * addresses. The order in which it names them does not count. Text that the caller frees.
 */
char *evidence_identify(struct evidence_reader *reader, const struct execution *execution, bool with_stacks);

/* Are all objects that the sentence names known by a name of their own, also without stacks? */
bool evidence_names_objects(struct evidence_reader *reader, const struct execution *execution);

#endif
