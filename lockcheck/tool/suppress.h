/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppressions: findings that the user does not want to be told of again, by kind and stack, in the format of
 * Valgrind's suppression files (Valgrind's manual, section 2.5), so that one file can serve both:
 *
 *     # what it is, and why it is left alone
 *     {
 *        its name
 *        lockcheck:dma-fault
 *        fun:fetch_frame
 *        ...
 *        --
 *        ...
 *        fun:rtl8139_hw_start
 *     }
 *
 * After the name stands the tool (several may, with commas between; blocks for other tools are passed over)
 * and the kind of finding. Then come the lines of a stack, innermost first: `fun:` and a function, `obj:` and
 * an object file, `src:` and a source file as reports show it, with or without `:LINE`, and `...` for any
 * number of lines, also none. What lies below the last line of the pattern does not count. Kinds and what
 * follows a colon are patterns: `*` is any text, `?` any character.
 *
 * The first pattern must match a stack of a thread that the finding is about, and each further one, after a
 * line `--`, a stack of another thread, whichever: see struct evidence_stack.
 *
 * Left out of Valgrind's format: `.fun-prefix` lines such as `match-leak-kinds:`, which mean nothing here.
 */
#ifndef LOCKCHECK_TOOL_SUPPRESS_H
#define LOCKCHECK_TOOL_SUPPRESS_H

#include "lockcheck/tool/evidence.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct suppression {
    char *name, *source; /* source: the name of its file */
    unsigned line;       /* where its block begins */
    bool own;            /* brought along by the program */
    char *kind;          /* a pattern */
    size_t count;
    char **lines; /* of its patterns; NULL between two of them */
};

struct suppressions {
    size_t count;
    struct suppression *list;
    json_t *texts; /* what was read: [[source, text, own]...]; NULL: nothing */
};

/* What the program's own are said to be from. */
#define SUPPRESSIONS_OF_PROGRAM "the program's own suppressions"

/* Adds those of a file, or of a text from `source`. Return 0, or -1 after saying what is wrong, and where. */
int suppressions_read(struct suppressions *suppressions, const char *path);
int suppressions_parse(struct suppressions *suppressions, const char *source, const char *text, bool own);

/* Those of all these files; NULL at the end, or for none. */
int suppressions_read_all(struct suppressions *suppressions, const char *const *paths);

/* Adds what another one's `texts` holds. Returns 0, or -1 when that is not its form. */
int suppressions_restore(struct suppressions *suppressions, const json_t *texts);

void suppressions_free(struct suppressions *suppressions);

#define NOT_SUPPRESSED SIZE_MAX
/* Which of them is the first that matches a finding: its place in the list, or NOT_SUPPRESSED. */
size_t suppressions_find(const struct suppressions *suppressions, struct evidence_reader *reader,
                         const struct execution *finding);

/* The same for a finding of that kind with these stacks, of which there is at least one. */
size_t suppressions_match(const struct suppressions *suppressions, const char *kind,
                          const struct evidence_stacks *stacks);

/* A block that matches this finding, or one of that kind with these stacks, to be given a name: text that the
 * caller frees. */
char *suppression_print(struct evidence_reader *reader, const struct execution *finding);
char *suppression_print_stacks(const char *kind, const struct evidence_stacks *stacks);

/*
 * As result.json shows it: {name, source, line (number), own (true or false), count (number: how many
 * findings it has suppressed), first_schedule (number of the first, or null), schedule (the name of its file,
 * or null)}. first: the first execution that it has matched, NULL when there is none. The caller owns it.
 */
json_t *suppression_describe(const struct suppression *suppression, uint64_t count,
                             const struct execution *first);

/* Sets "suppressions" of results to a list of these, counts[i] times each, and "suppressed" to the sum. */
void suppressions_describe(const struct suppressions *suppressions, const uint64_t *counts, json_t *results);

/* Says of a list of these which were of use, and which of the user's were not. */
void suppressions_print(const json_t *described);

#endif
