/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shrinking: another schedule with the same finding, with fewer preemptions first, then with fewer steps. A
 * preemption is a switch away from a thread that could have gone on.
 *
 * For a finding of an execution with many preemptions the search begins afresh (plan.h): executions with few
 * preemptions, half of them with some of the last preemptions of the found one, until one has the finding.
 *
 * Then it replaces parts of the execution by tame ones, coarse parts first, and keeps what still has the
 * finding: a mixture of hierarchical delta debugging over the preemptions (Misherghi, Su: HDD, ICSE 2006)
 * and, for those that are left, of the moves of Jalbert and Sen (FSE 2010): let a thread go on that was
 * preempted, or come later the one that came instead. In the end it looks for the same preemptions, or some
 * of them, elsewhere. Each success is an execution of its own, from which the search goes on. All of it is a
 * function of the schedule and the program alone: its budget is counted in steps.
 *
 * The same finding is what evidence_identify() says is the same, stacks included.
 */
#ifndef LOCKCHECK_TOOL_SHRINK_H
#define LOCKCHECK_TOOL_SHRINK_H

#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/program.h"

#include <stdbool.h>
#include <stdint.h>

struct shrunk {
    struct execution execution; /* with its decisions and evidence */
    uint64_t preemptions_before, preemptions_after;
    uint64_t steps_before;
    uint64_t tries;
    bool stopped; /* the budget ended the search, or the user did */
};

/*
 * Shrinks the execution of a finding, which has its decisions. Returns 0 and fills in shrunk, which the
 * caller frees by execution_free(), or -1 after saying what is wrong.
 */
int shrink_execution(const struct program *program, const struct execution *found,
                     struct evidence_reader *evidence, struct shrunk *shrunk);

/* "17 preemptions and 2100 steps became 2 and 85 after 130 tries": text that the caller frees. */
char *shrink_story(const struct shrunk *shrunk);

/* The command `shrink`. Returns the exit code: 1 when the shrunk schedule was written. */
int shrink_command(const struct options *options);

#endif
