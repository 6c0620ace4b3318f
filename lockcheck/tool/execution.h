/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one execution of one schedule ended with, copied out of the channel so that it outlives the process.
 */
#ifndef LOCKCHECK_TOOL_EXECUTION_H
#define LOCKCHECK_TOOL_EXECUTION_H

#include "lockcheck/runtime/channel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ending {
    ENDING_CLEAN,
    ENDING_FINDING,
    ENDING_LIMIT,     /* the step limit, or the room for decisions */
    ENDING_CUT,       /* given up by the strategy */
    ENDING_STOPPED,   /* at the step that was asked for */
    ENDING_EXHAUSTED, /* no execution: the strategy has nothing left to explore */
    ENDING_ERROR,     /* not controlled, or lockcheck failed: exit code 3 */
    ENDING_UNUSABLE,  /* the program ended with an error of its own before its checkpoint: exit code 2 */
};

struct execution {
    enum ending ending;
    uint64_t schedule; /* from 1; 0 when it ended before the checkpoint */
    uint64_t seed;
    uint32_t points;   /* enum lc_points */
    uint32_t sleepers; /* see struct settings */
    uint32_t detect;   /* set of LC_DETECT_* */
    uint32_t report; /* ENDING_FINDING: it is the execution's report of this number; 0: its end in any case */
    uint32_t report_count;
    struct lc_report reports[LC_REPORTS]; /* what it showed besides */
    struct lc_earlier earlier;            /* of `report` */
    uint32_t passed_count;                /* findings that it has gone on after, see LC_PASSED_MAX */
    uint64_t passed[LC_PASSED_MAX];       /* execution hashes at them */
    bool complete; /* ENDING_EXHAUSTED: nothing was left out; else the summary says what */
    uint64_t steps, events, hash;
    uint64_t virtual_ns;
    uint32_t trace_error; /* see channel.h */
    char kind[64];      /* of the finding or of the error; "clean", "limit", "cut", "stopped" or "exhausted"
                         * otherwise */
    char *summary;      /* one sentence, {tN} and {oN} not yet expanded; "" when clean */
    uint8_t *decisions; /* as in the channel; NULL unless kept */
    size_t decisions_bytes;
    char *evidence; /* JSON, NULL when there is none */
    size_t evidence_bytes;
    struct lc_step *trace; /* the newest steps, oldest first, when they were asked for; NULL otherwise */
    size_t trace_length;
    struct lc_stack *stacks; /* what stack and left_stack of a step are indices of; [0] is empty */
    size_t stack_count;
    char *suppressions; /* with a finding: the text of those that the program brings along; NULL otherwise */
    double seconds;     /* since the command began to look */
};

/*
 * Fills in execution from the channel. wait_status is that of the process that ran it; killed says that we
 * ended it because it made no steps. The copies are the caller's: execution_free().
 */
void execution_collect(struct execution *execution, const struct lc_channel *channel, int wait_status,
                       bool killed);

/* Makes it one that ended with an error of that kind. The texts are copied. */
void execution_fail(struct execution *execution, const char *kind, const char *summary);

void execution_free(struct execution *execution);

/*
 * NULL when both are the same execution: ending, kind, steps and hash. Otherwise text that says in what they
 * differ, which the caller frees.
 */
char *execution_difference(const struct execution *recorded, const struct execution *replayed);

#endif
