/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command `replay`: see replay.h. */
#include "lockcheck/tool/replay.h"
#include "lockcheck/tool/ctf.h"
#include "lockcheck/tool/debug.h"
#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/schedule.h"
#include "lockcheck/tool/steps.h"
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last execution, and what all of them came to. */
struct replay {
    const struct options *options;
    struct schedule schedule;
    struct program program;
    struct execution execution;
    char *output;
    size_t output_length;
    uint64_t executions, steps;
    bool interrupted; /* before it had been replayed as often as asked */
    char *difference; /* in what the last execution is not the recorded one; NULL: it is */
    struct suppressions suppressions;
    size_t suppression; /* what passes over the finding, or NOT_SUPPRESSED */
    double seconds;
    char *trace; /* absolute path of the directory for it; NULL: there is to be none */
};

static enum ending recorded_ending(const char *kind)
{
    static const char *const errors[] = {"uncontrolled", "diverged", "internal", "early-end"};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(kind, errors[i]) == 0)
            return ENDING_ERROR;
    return strcmp(kind, "clean") == 0   ? ENDING_CLEAN
           : strcmp(kind, "limit") == 0 ? ENDING_LIMIT
                                        : ENDING_FINDING;
}

/* execution: NULL before it has ended. */
static struct ctf_facts facts_of(const struct replay *replay, const struct execution *execution)
{
    const struct schedule *schedule = &replay->schedule;
    struct ctf_facts facts = {.program = &replay->program,
                              .strategy = schedule->strategy,
                              .seed = schedule->seed,
                              .schedule = schedule->number};
    if (execution) {
        facts.ending = execution->kind;
        facts.steps = execution->steps;
        facts.hash = execution->hash;
        facts.error = execution->trace_error;
    }
    return facts;
}

static struct settings replay_settings(const struct schedule *schedule)
{
    return (struct settings){
        .strategy = "replay",
        .seed = schedule->seed,
        .schedule = schedule->number,
        /* The runtime ends a replay that leaves its recorded decisions; only an end by the limit needs one.
         */
        .max_steps = strcmp(schedule->kind, "limit") == 0 ? schedule->steps : 0,
        .flags = LC_FLAG_EVIDENCE | LC_FLAG_STEPS,
        .steps_room = STEPS_ROOM,
        .points = schedule->points,
        .detect = schedule->detect,
        .earlier = schedule->earlier,
        .report = (uint32_t)schedule->report,
        .pass_over = (uint32_t)schedule->passed,
        .preemptions = -1,
        .sleepers = (uint32_t)schedule->sleepers,
        .decisions = schedule->decisions,
        .decisions_bytes = schedule->decisions_bytes,
    };
}

/* Runs the schedule as often as asked, up to the first execution that differs. Returns 0, or -1 after saying
 * what is wrong. */
static int replay_all(struct replay *replay)
{
    const struct schedule *schedule = &replay->schedule;
    struct settings settings = replay_settings(schedule);
    settings.flags |= replay->trace ? LC_FLAG_TRACE : 0;
    settings.trace = replay->trace;
    settings.trace_events = replay->options->last;
    struct execution recorded = {
        .ending = recorded_ending(schedule->kind), .steps = schedule->steps, .hash = schedule->hash};
    snprintf(recorded.kind, sizeof recorded.kind, "%s", schedule->kind);
    uint64_t started = now_ns();
    for (uint64_t i = 0; i < replay->options->times && !replay->difference; i++) {
        struct execution execution;
        char *output;
        size_t output_length;
        if (execute(&replay->program, &settings, OUTPUT_CAPTURE, &execution, &output, &output_length) != 0) {
            replay->interrupted = interrupted();
            if (replay->interrupted)
                complain("interrupted after %" PRIu64 " of %" PRIu64 " executions", i,
                         replay->options->times);
            if (i > 0 && replay->interrupted)
                break;
            return -1;
        }
        execution_free(&replay->execution);
        free(replay->output);
        replay->execution = execution;
        replay->output = output;
        replay->output_length = output_length;
        replay->executions++;
        replay->steps += replay->execution.steps;
        replay->difference = execution_difference(&recorded, &replay->execution);
    }
    replay->seconds = (double)(now_ns() - started) / 1e9;
    replay->execution.seconds = replay->seconds;
    return 0;
}

/* Another build may rightly be another execution of the same finding. */
static bool is_accepted(const struct replay *replay)
{
    return !replay->difference ||
           (replay->options->force && strcmp(replay->execution.kind, replay->schedule.kind) == 0 &&
            replay->execution.ending != ENDING_ERROR);
}

static void add_error(const struct replay *replay, struct results *results, json_t *description)
{
    if (!is_accepted(replay) && replay->execution.ending != ENDING_ERROR) {
        char *summary = print_text("execution %" PRIu64 " is not the recorded one: %s", replay->executions,
                                   replay->difference);
        json_object_set_new(description, "finding_kind", json_string(replay->execution.kind));
        json_object_set_new(description, "kind", json_string("not-reproducible"));
        json_object_set_new(description, "summary", json_string(summary));
        free(summary);
    } else if (replay->difference) {
        json_object_set_new(description, "difference", json_string(replay->difference));
    }
    json_object_set_new(results->json, "error", description);
}

static void add_suppressed(const struct replay *replay, struct results *results, const char *schedule)
{
    json_t *list = json_array();
    for (size_t i = 0; i < replay->suppressions.count; i++) {
        uint64_t count = i == replay->suppression ? replay->executions : 0;
        json_t *item =
            suppression_describe(&replay->suppressions.list[i], count, count ? &replay->execution : NULL);
        json_object_set_new(item, "schedule", count && schedule ? json_string(schedule) : json_null());
        json_array_append_new(list, item);
    }
    json_object_set_new(
        results->json, "suppressed",
        json_integer(replay->suppression == NOT_SUPPRESSED ? 0 : (json_int_t)replay->executions));
    json_object_set_new(results->json, "suppressions", list);
}

static int conclude(struct replay *replay, struct results *results, struct evidence_reader *evidence)
{
    const struct options *options = replay->options;
    struct execution *execution = &replay->execution;
    bool accepted = is_accepted(replay), finding = accepted && execution->ending == ENDING_FINDING;
    replay->suppression =
        finding ? suppressions_find(&replay->suppressions, evidence, execution) : NOT_SUPPRESSED;
    int code = !accepted || execution->ending == ENDING_ERROR || execution->ending == ENDING_LIMIT
                   ? EXIT_UNCONTROLLED
               : finding && replay->suppression == NOT_SUPPRESSED ? EXIT_FINDING
                                                                  : EXIT_CLEAN;
    const char *name = results_add_schedule(results, &replay->program, execution, replay->schedule.strategy);
    const char *output = results_add_output(results, execution, replay->output, replay->output_length);
    replay->output = NULL;
    json_object_set_new(results->json, "findings", json_array());
    json_object_set_new(results->json, "replayed", json_string(options->schedule));
    add_suppressed(replay, results, name);
    if (code != EXIT_CLEAN) {
        json_t *description = results_describe(evidence, execution, replay->executions, name, output);
        results_add_steps(results, description, evidence, execution);
        if (code == EXIT_FINDING)
            json_array_append_new(json_object_get(results->json, "findings"), description);
        else
            add_error(replay, results, description);
    }
    results_set_head(results, &(struct results_head){
                                  .command = "replay",
                                  .verdict = code == EXIT_UNCONTROLLED ? "error"
                                             : code == EXIT_FINDING    ? "finding"
                                                                       : "clean",
                                  .program = &replay->program,
                                  .strategy = "replay",
                                  .seed = replay->schedule.seed,
                                  .schedules = replay->executions,
                                  .steps = replay->steps,
                                  .seconds = replay->seconds,
                                  .hash = execution->hash,
                              });
    char *written;
    bool failed = results_write(results, options->out, true, &written) != 0;
    if (code == EXIT_FINDING && written && !options->quiet)
        report_print(written, "text");
    const json_t *error = json_object_get(results->json, "error");
    if (error)
        results_complain(error);
    if (!error && replay->difference)
        warn("not the same execution: %s", replay->difference);
    if (!options->quiet && !error)
        printf("lockcheck: replayed %" PRIu64 " time%s: %s, execution hash %016" PRIx64 "%s\n",
               replay->executions, replay->executions == 1 ? "" : "s", execution->kind, execution->hash,
               replay->difference ? "" : " as recorded");
    if (!options->quiet && !error)
        suppressions_print(json_object_get(results->json, "suppressions"));
    free(written);
    return failed ? EXIT_USAGE : code == EXIT_CLEAN && replay->interrupted ? EXIT_INTERRUPTED : code;
}

static int replay_and_conclude(struct replay *replay)
{
    if (replay_all(replay) != 0)
        return replay->interrupted ? EXIT_INTERRUPTED : EXIT_UNCONTROLLED;
    if (replay->execution.ending == ENDING_UNUSABLE) {
        fwrite(replay->output, 1, replay->output_length, stderr);
        complain("%s %s", replay->program.path, replay->execution.summary);
        return EXIT_USAGE;
    }
    if (replay->execution.suppressions && replay->options->default_suppressions &&
        suppressions_parse(&replay->suppressions, SUPPRESSIONS_OF_PROGRAM, replay->execution.suppressions,
                           true) != 0)
        return EXIT_USAGE;
    struct results results;
    results_init(&results);
    struct evidence_reader *evidence = evidence_reader_new();
    int code = conclude(replay, &results, evidence);
    evidence_reader_free(evidence);
    results_free(&results);
    if (!replay->trace || !replay->execution.schedule) /* 0: it has not begun */
        return code;
    struct ctf_facts facts = facts_of(replay, &replay->execution);
    return ctf_finish(replay->trace, &facts) == 0 ? code : EXIT_USAGE;
}

static bool open_trace(struct replay *replay)
{
    struct ctf_facts facts = facts_of(replay, NULL);
    if (replay->options->ctf)
        replay->trace = ctf_open(replay->options->ctf, &facts);
    return replay->trace || !replay->options->ctf;
}

int replay_command(const struct options *options)
{
    struct replay replay = {.options = options};
    int code = EXIT_USAGE;
    if (suppressions_read_all(&replay.suppressions, options->suppressions) == 0 &&
        schedule_read(&replay.schedule, options->schedule) == 0 &&
        program_open(&replay.program, replay.schedule.program, replay.schedule.argv, replay.schedule.cwd) ==
            0 &&
        program_check_build(&replay.program, replay.schedule.build_id, options->schedule, options->force) ==
            0) {
        if (options->gdb || options->trace || options->to) {
            const struct settings settings = replay_settings(&replay.schedule);
            code = debug_replay(options, &replay.program, &replay.schedule, &settings);
        } else if (results_open(options->out) == 0 && open_trace(&replay)) {
            code = replay_and_conclude(&replay);
        }
    }
    suppressions_free(&replay.suppressions);
    schedule_free(&replay.schedule);
    program_free(&replay.program);
    execution_free(&replay.execution);
    free(replay.output);
    free(replay.difference);
    free(replay.trace);
    return code;
}
