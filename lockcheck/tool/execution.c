/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one execution ended with: see execution.h. */
#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void end_with(struct execution *execution, enum ending ending, const char *kind, char *summary)
{
    execution->ending = ending;
    snprintf(execution->kind, sizeof execution->kind, "%s", kind);
    free(execution->summary);
    execution->summary = summary;
}

/* The program ended without a word from the runtime, under the scheduler. */
static void judge_wait_status(struct execution *execution, int status, bool killed)
{
    if (killed)
        end_with(
            execution, ENDING_ERROR, "uncontrolled",
            copy_text("the program made no step for a second of CPU time or two seconds of sleep outside "
                      "lockcheck's sight, and did not answer when asked where it is"));
    else if (WIFSIGNALED(status))
        end_with(execution, ENDING_FINDING, "crash",
                 print_text("the program was ended by signal %d (%s)", WTERMSIG(status),
                            strsignal(WTERMSIG(status))));
    else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        end_with(execution, ENDING_FINDING, "assertion",
                 print_text("the program ended itself with status %d", WEXITSTATUS(status)));
    else
        end_with(execution, ENDING_CLEAN, "clean", copy_text(""));
}

/* The program ended without a word from the runtime, before its checkpoint. */
static void judge_early_end(struct execution *execution, const struct lc_channel *channel, int status,
                            bool killed)
{
    if (killed)
        judge_wait_status(execution, status, killed);
    else if (WIFSIGNALED(status))
        end_with(execution, ENDING_ERROR, "early-end",
                 print_text("the program was ended by signal %d (%s) before its checkpoint", WTERMSIG(status),
                            strsignal(WTERMSIG(status))));
    else if (WEXITSTATUS(status) != 0)
        end_with(execution, ENDING_UNUSABLE, "early-end",
                 print_text("ended with status %d before its checkpoint", WEXITSTATUS(status)));
    else
        end_with(execution, ENDING_ERROR, "early-end",
                 copy_text(channel->own_checkpoint
                               ? "the program ended before it called lockcheck_checkpoint()"
                               : "the program ended before lockcheck's runtime saw its main()"));
}

static void judge_outcome(struct execution *execution, const struct lc_channel *channel)
{
    char *summary = copy_bytes(channel->summary, strnlen(channel->summary, sizeof channel->summary));
    char kind[sizeof channel->finding_kind + 1] = "";
    memcpy(kind, channel->finding_kind, strnlen(channel->finding_kind, sizeof channel->finding_kind));
    make_utf8(summary, strlen(summary));
    for (char *c = kind; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
            *c = '-'; /* a kind is one word in a schedule file, whatever a program calls its own */
    switch (channel->outcome) {
    case LC_OUTCOME_FINDING:
        end_with(execution, ENDING_FINDING, kind[0] ? kind : "unknown", summary);
        break;
    case LC_OUTCOME_UNCONTROLLED:
        end_with(execution, ENDING_ERROR, "uncontrolled", summary);
        break;
    case LC_OUTCOME_DIVERGED:
        end_with(execution, ENDING_ERROR, "diverged", summary);
        break;
    case LC_OUTCOME_LIMIT:
        end_with(execution, ENDING_LIMIT, "limit", summary);
        break;
    case LC_OUTCOME_CUT:
        end_with(execution, ENDING_CUT, "cut", summary);
        break;
    case LC_OUTCOME_STOPPED:
        end_with(execution, ENDING_STOPPED, "stopped", summary);
        break;
    case LC_OUTCOME_EXHAUSTED:
        end_with(execution, ENDING_EXHAUSTED, "exhausted", summary);
        break;
    default:
        end_with(execution, ENDING_ERROR, "internal", summary);
        break;
    }
}

static void copy_evidence(struct execution *execution, const struct lc_channel *channel)
{
    if (!channel->evidence_bytes || channel->evidence_bytes > LC_EVIDENCE_SIZE)
        return;
    execution->evidence_bytes = channel->evidence_bytes;
    execution->evidence = copy_bytes((const char *)channel + LC_EVIDENCE_OFFSET, execution->evidence_bytes);
    make_utf8(execution->evidence, execution->evidence_bytes);
}

/* Steps are a ring when room is given for them: see channel.h. */
static void copy_trace(struct execution *execution, const struct lc_channel *channel)
{
    const struct lc_step *ring = (const struct lc_step *)((const char *)channel + LC_STEPS_OFFSET);
    uint64_t room = channel->steps_room, steps = channel->steps;
    if (!(channel->flags & LC_FLAG_STEPS) || !room || !channel->reached_checkpoint)
        return;
    size_t length = steps < room ? steps : room, oldest = steps < room ? 0 : steps % room;
    execution->trace = allocate((length + 1) * sizeof *execution->trace);
    execution->trace_length = length;
    memcpy(execution->trace, ring + oldest, (length - oldest) * sizeof *ring);
    memcpy(execution->trace + (length - oldest), ring, oldest * sizeof *ring);
    const struct lc_stacks *stacks = (const struct lc_stacks *)((const char *)channel + LC_STACKS_OFFSET);
    uint32_t count = stacks->count <= LC_STACKS_MAX ? stacks->count : LC_STACKS_MAX;
    execution->stacks = copy_bytes(stacks->entries, (count + 1) * sizeof *stacks->entries);
    execution->stack_count = count + 1;
}

void execution_collect(struct execution *execution, const struct lc_channel *channel, int wait_status,
                       bool killed)
{
    *execution = (struct execution){
        .schedule = channel->reached_checkpoint ? channel->schedule : 0,
        .seed = channel->seed,
        .points = channel->points,
        .sleepers = channel->sleepers,
        .detect = channel->detect,
        .report = channel->stop_at_report,
        .earlier = channel->earlier,
        .complete = channel->outcome == LC_OUTCOME_EXHAUSTED && channel->complete,
        .steps = channel->steps,
        .events = channel->events,
        .hash = channel->hash,
        .virtual_ns = channel->virtual_ns,
        .trace_error = channel->trace_error,
    };
    execution->report_count = channel->report_count <= LC_REPORTS ? channel->report_count : LC_REPORTS;
    memcpy(execution->reports, channel->reports, execution->report_count * sizeof *execution->reports);
    execution->passed_count = channel->passed_count <= LC_PASSED_MAX ? channel->passed_count : LC_PASSED_MAX;
    memcpy(execution->passed, channel->passed, execution->passed_count * sizeof *execution->passed);
    if (channel->outcome != LC_OUTCOME_NONE)
        judge_outcome(execution, channel);
    else if (channel->reached_checkpoint)
        judge_wait_status(execution, wait_status, killed);
    else
        judge_early_end(execution, channel, wait_status, killed);
    if (channel->decisions_bytes <= LC_DECISIONS_SIZE) {
        execution->decisions_bytes = channel->decisions_bytes;
        execution->decisions =
            copy_bytes((const char *)channel + LC_DECISIONS_OFFSET, channel->decisions_bytes);
    }
    copy_evidence(execution, channel);
    copy_trace(execution, channel);
    const char *suppressions = (const char *)channel + LC_SUPPRESSIONS_OFFSET;
    if (execution->ending == ENDING_FINDING && *suppressions) {
        size_t length = strnlen(suppressions, LC_SUPPRESSIONS_SIZE - 1);
        execution->suppressions = copy_bytes(suppressions, length);
        make_utf8(execution->suppressions, length);
    }
}

void execution_fail(struct execution *execution, const char *kind, const char *summary)
{
    end_with(execution, ENDING_ERROR, kind, copy_text(summary));
}

void execution_free(struct execution *execution)
{
    free(execution->summary);
    free(execution->decisions);
    free(execution->evidence);
    free(execution->suppressions);
    free(execution->trace);
    free(execution->stacks);
    *execution = (struct execution){0};
}

char *execution_difference(const struct execution *recorded, const struct execution *replayed)
{
    if (recorded->ending == replayed->ending && strcmp(recorded->kind, replayed->kind) == 0 &&
        recorded->steps == replayed->steps && recorded->hash == replayed->hash)
        return NULL;
    /* Other sentences have references to threads in them, which mean nothing without the evidence. */
    bool told = strcmp(replayed->kind, "diverged") == 0 || strcmp(replayed->kind, "internal") == 0;
    return print_text("recorded: %s after %" PRIu64 " step%s, execution hash %016" PRIx64
                      "; replayed: %s%s%s after %" PRIu64 " step%s, execution hash %016" PRIx64,
                      recorded->kind, recorded->steps, plural(recorded->steps), recorded->hash,
                      replayed->kind, told ? ": " : "", told ? replayed->summary : "", replayed->steps,
                      plural(replayed->steps), replayed->hash);
}
