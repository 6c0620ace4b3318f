/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a hunt has come to: see conclude.h. */
#include "lockcheck/tool/conclude.h"
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/shrink.h"
#include "lockcheck/tool/state.h"
#include "lockcheck/tool/steps.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One that ended before the checkpoint is not among those summed up. */
static uint64_t count_of(const struct hunt *hunt, size_t group)
{
    uint64_t count = tally_found(&hunt->tally, (uint32_t)group + 1);
    return count ? count : 1;
}

static int by_first_schedule(const void *a, const void *b)
{
    return group_compare(*(const struct group *const *)a, *(const struct group *const *)b);
}

/* The findings in the order of their first schedules, NULL at the end; the caller frees the array. */
static struct group **groups_in_order(const struct hunt *hunt)
{
    struct group **order = allocate((hunt->group_count + 1) * sizeof *order);
    size_t count = 0;
    for (size_t i = 0; i < hunt->group_count; i++)
        if (!hunt->groups[i].suppression)
            order[count++] = &hunt->groups[i];
    if (count)
        qsort(order, count, sizeof *order, by_first_schedule);
    return order;
}

/* Adds what was suppressed, and of each suppression a schedule that shows it; `all`: also of those that are
 * in the directory by now. */
static void add_suppressed(const struct hunt *hunt, struct results *results, bool all)
{
    const struct suppressions *suppressions = &hunt->suppressions;
    json_t *list = json_array();
    uint64_t total = 0;
    for (size_t i = 0; i < suppressions->count; i++)
        json_array_append_new(list, suppression_describe(&suppressions->list[i], 0, NULL));
    for (size_t i = 0; i < hunt->group_count; i++) {
        const struct group *group = &hunt->groups[i];
        if (!group->suppression)
            continue;
        uint64_t count = count_of(hunt, i);
        json_array_set_new(
            list, group->suppression - 1,
            suppression_describe(&suppressions->list[group->suppression - 1], count, &group->first));
        if (all || group->saved != group->first.schedule + 1)
            results_add_schedule(results, &hunt->program, &group->first, hunt->options.strategy);
        total += count;
    }
    json_object_set_new(results->json, "suppressed", json_integer((json_int_t)total));
    json_object_set_new(results->json, "suppressions", list);
}

static void set_head(const struct hunt *hunt, struct results *results, int code, uint64_t hash,
                     bool unfinished)
{
    const struct options *options = &hunt->options;
    bool explore = options->verb == VERB_EXPLORE;
    results_set_head(results, &(struct results_head){
                                  .command = explore ? "explore" : "run",
                                  .verdict = code == EXIT_CLEAN     ? "clean"
                                             : code == EXIT_FINDING ? "finding"
                                                                    : "error",
                                  .program = &hunt->program,
                                  .strategy = options->strategy,
                                  .seed = options->seed,
                                  .schedules = hunt->tally.schedules,
                                  .steps = hunt->tally.steps,
                                  .truncated = hunt->tally.truncated,
                                  .cut = hunt->tally.cut,
                                  .distinct = distinct_count(&hunt->tally.distinct),
                                  .distinct_exact = distinct_is_exact(&hunt->tally.distinct),
                                  .shard = explore ? options->shard : 0,
                                  .shards = explore ? options->shards : 0,
                                  .seconds = hunt_seconds(hunt),
                                  .hash = hash,
                                  .interrupted = hunt->interrupted,
                                  .unfinished = unfinished,
                                  .complete = hunt->exhausted && !hunt->left_out && !hunt->tally.truncated,
                                  .left_out = hunt->left_out,
                              });
}

/* A search that has not come to its end and has found nothing is not clean. */
static void add_unfinished(const struct hunt *hunt, struct results *results, const char *kind)
{
    uint64_t schedules = hunt->tally.schedules;
    char *summary = schedules ? print_text("nothing found in %" PRIu64 " schedule%s so far; "
                                           "lockcheck explore --resume %s goes on",
                                           schedules, plural(schedules), hunt->options.out)
                              : copy_text("before the first schedule came to its end");
    json_object_set_new(results->json, "error", json_pack("{s:s, s:s}", "kind", kind, "summary", summary));
    free(summary);
}

static void add_state(const struct hunt *hunt, struct results *results)
{
    if (hunt->options.verb != VERB_EXPLORE)
        return;
    char *state = state_print(hunt);
    results_add_file(results, copy_text(STATE_FILE), state, strlen(state));
}

int conclude_so_far(struct hunt *hunt)
{
    struct results results;
    results_init(&results);
    json_t *findings = json_array();
    struct group **order = groups_in_order(hunt);
    for (struct group **at = order; *at; at++) {
        struct group *group = *at;
        char *name = results_schedule_name(&group->first);
        if (group->saved != group->first.schedule + 1)
            results_add_schedule(&results, &hunt->program, &group->first, hunt->options.strategy);
        json_t *description = group->description
                                  ? json_deep_copy(group->description)
                                  : results_describe(hunt->evidence, &group->first, 0, name, NULL);
        json_object_set_new(description, "count",
                            json_integer((json_int_t)count_of(hunt, (size_t)(group - hunt->groups))));
        json_array_append_new(findings, description);
        free(name);
    }
    json_object_set_new(results.json, "findings", findings);
    add_suppressed(hunt, &results, false);
    add_state(hunt, &results);
    if (!*order)
        add_unfinished(hunt, &results, "unfinished");
    set_head(hunt, &results, *order ? EXIT_FINDING : EXIT_UNCONTROLLED,
             *order ? order[0]->first.hash : hunt->tally.hash, true);
    int result = results_save(&results, hunt->options.out);
    for (size_t i = 0; i < hunt->group_count && result == 0; i++)
        hunt->groups[i].saved = hunt->groups[i].first.schedule + 1;
    free(order);
    results_free(&results);
    return result;
}

/* Forgets what was shown by schedules that do not count, and sums up the others. */
static void settle(struct hunt *hunt)
{
    bool error = hunt->error.summary && hunt->error.schedule <= hunt->last;
    for (size_t i = hunt->group_count; i-- > 0;) {
        struct group *group = &hunt->groups[i];
        if (group->first.schedule <= hunt->last && !(error && group->first.schedule == hunt->last))
            continue;
        group_free(group);
        memmove(group, group + 1, (--hunt->group_count - i) * sizeof *group);
        tally_drop_group(&hunt->tally, (uint32_t)i + 1);
    }
    if (hunt->error.summary && !error)
        execution_free(&hunt->error);
    tally_forget(&hunt->tally, hunt->last);
    if (hunt->interrupted) /* numbers may be missing, which are still to be explored */
        hunt->tally_state = tally_print(&hunt->tally);
    tally_settle(&hunt->tally);
}

/* Runs the schedule again in a fresh process. Adds the files of the finding and its description to results.
 * Returns whether it was the same execution. */
static bool confirm(const struct hunt *hunt, struct group *group, struct results *results)
{
    const struct execution *recorded = &group->first;
    struct settings settings = hunt_settings(hunt, recorded->schedule);
    settings.strategy = "replay";
    settings.sleepers = recorded->sleepers;
    settings.report = recorded->report;
    settings.pass_over = recorded->passed_count;
    settings.earlier = recorded->earlier;
    settings.flags = LC_FLAG_EVIDENCE | LC_FLAG_STEPS;
    settings.steps_room = STEPS_ROOM;
    settings.decisions = recorded->decisions;
    settings.decisions_bytes = recorded->decisions_bytes;
    struct execution replayed = {0};
    char *output = NULL, *difference = NULL;
    size_t output_length;
    if (execute(&hunt->program, &settings, OUTPUT_CAPTURE, &replayed, &output, &output_length) != 0)
        difference = copy_text("the replay did not come to its end");
    else
        difference = execution_difference(recorded, &replayed);

    const char *schedule_name =
        results_add_schedule(results, &hunt->program, recorded, hunt->options.strategy);
    const char *output_name = output ? results_add_output(results, recorded, output, output_length) : NULL;
    replayed.seconds = recorded->seconds;
    const struct execution *shown = difference ? recorded : &replayed;
    json_t *description = results_describe(
        hunt->evidence, shown, count_of(hunt, (size_t)(group - hunt->groups)), schedule_name, output_name);
    if (difference) {
        char *summary = print_text("schedule %" PRIu64 " showed a finding (%s) and did not replay: %s",
                                   recorded->schedule,
                                   json_string_value(json_object_get(description, "summary")), difference);
        json_object_set_new(description, "finding_kind", json_string(recorded->kind));
        json_object_set_new(description, "kind", json_string("not-reproducible"));
        json_object_set_new(description, "summary", json_string(summary));
        json_object_set_new(results->json, "error", description);
        free(summary);
    } else {
        free(group->id);
        group->id = copy_text(json_string_value(json_object_get(description, "id")));
        json_array_append_new(json_object_get(results->json, "findings"), description);
    }
    results_add_steps(results, description, hunt->evidence, shown);
    bool same = !difference;
    free(difference);
    execution_free(&replayed);
    return same;
}

static bool confirm_all(struct hunt *hunt, struct results *results)
{
    bool confirmed = true;
    struct group **order = groups_in_order(hunt);
    for (struct group **at = order; *at; at++) {
        progress_say("confirming finding %zu of %zu", (size_t)(at - order) + 1, hunt_findings(hunt));
        confirmed &= confirm(hunt, *at, results);
    }
    free(order);
    return confirmed;
}

/* Adds a schedule that shows the same with fewer preemptions, if there is one. */
static void add_short(const struct hunt *hunt, const struct execution *found, json_t *description,
                      struct results *results)
{
    struct shrunk shrunk = {0};
    if (shrink_execution(&hunt->program, found, hunt->evidence, &shrunk) != 0)
        return;
    size_t length;
    char *text = results_schedule_text(&hunt->program, &shrunk.execution, hunt->options.strategy, &length);
    if (text) {
        char *name = results_short_name(found), *story = shrink_story(&shrunk);
        json_object_set_new(description, "short_schedule", json_string(name));
        json_object_set_new(description, "shrunk",
                            json_pack("{s:I, s:I, s:I, s:s}", "preemptions_before",
                                      (json_int_t)shrunk.preemptions_before, "preemptions",
                                      (json_int_t)shrunk.preemptions_after, "steps",
                                      (json_int_t)shrunk.execution.steps, "story", story));
        results_add_file(results, name, text, length);
        free(story);
    }
    execution_free(&shrunk.execution);
}

/* The finding that was confirmed of a group, or NULL. */
static json_t *finding_of(const json_t *findings, const struct group *group)
{
    char *name = results_schedule_name(&group->first);
    json_t *item, *found = NULL;
    size_t i;
    json_array_foreach(findings, i, item)
    {
        const char *schedule = json_string_value(json_object_get(item, "schedule"));
        if (schedule && strcmp(schedule, name) == 0)
            found = item;
    }
    free(name);
    return found;
}

/* What was found is on the disk before: this can take long. */
static void shrink_findings(const struct hunt *hunt, struct results *results)
{
    const json_t *findings = json_object_get(results->json, "findings");
    if (!hunt->options.shrink || hunt->interrupted || !json_array_size(findings))
        return;
    results_save(results, hunt->options.out);
    struct group **order = groups_in_order(hunt);
    for (struct group **at = order; *at && !interrupted(); at++) {
        json_t *description = finding_of(findings, *at);
        if (description && (*at)->first.report)
            warn("%s is not shrunk: the execution goes on after what it shows",
                 json_string_value(json_object_get(description, "schedule")));
        else if (description)
            add_short(hunt, &(*at)->first, description, results);
    }
    free(order);
}

static void add_error(struct hunt *hunt, struct results *results)
{
    const char *name =
        hunt->error.decisions_bytes
            ? results_add_schedule(results, &hunt->program, &hunt->error, hunt->options.strategy)
            : NULL;
    json_object_set_new(results->json, "error",
                        results_describe(hunt->evidence, &hunt->error, 1, name, NULL));
}

/* "12 schedules, 345 steps, 0.1 s": text that the caller frees. */
static char *effort_of(const struct hunt *hunt, json_int_t suppressed)
{
    const struct tally *tally = &hunt->tally;
    char *cut = tally->cut ? print_text(", %" PRIu64 " of them cut off", tally->cut) : copy_text("");
    char *passed =
        suppressed ? print_text(", %" JSON_INTEGER_FORMAT " suppressed", suppressed) : copy_text("");
    char *effort = print_text("%" PRIu64 " schedule%s%s%s, %" PRIu64 " step%s, %.1f s%s", tally->schedules,
                              plural(tally->schedules), cut, passed, tally->steps, plural(tally->steps),
                              hunt_seconds(hunt), hunt->interrupted ? ", interrupted" : "");
    free(cut);
    free(passed);
    return effort;
}

/* directory: where everything is now; NULL: nowhere. */
static void print_verdict(const struct hunt *hunt, const json_t *result, const char *directory)
{
    size_t findings = json_array_size(json_object_get(result, "findings"));
    const struct tally *tally = &hunt->tally;
    uint64_t executions = tally->schedules - tally->cut;
    char *effort = effort_of(hunt, json_integer_value(json_object_get(result, "suppressed")));
    if (findings)
        printf("lockcheck: %zu finding%s (%s)%s%s\n", findings, plural(findings), effort,
               directory ? "; everything is in " : ", not written anywhere", directory ? directory : "");
    else
        printf("lockcheck: nothing found (%s)\n", effort);
    if (hunt->exhausted && !hunt->left_out && !tally->truncated)
        printf("lockcheck: complete: every interleaving explored (%" PRIu64 " execution%s)\n", executions,
               plural(executions));
    else if (hunt->exhausted)
        printf("lockcheck: not complete: nothing is left to explore after %" PRIu64 " execution%s, but %s\n",
               executions, plural(executions),
               hunt->left_out ? hunt->left_out : "some were given up at the step limit");
    free(effort);
}

static void warn_of_limits(const struct hunt *hunt)
{
    const struct tally *tally = &hunt->tally;
    if (!tally->truncated || tally_all_truncated(tally) || hunt->options.verb != VERB_EXPLORE)
        return;
    warn("%" PRIu64 " of %" PRIu64 " schedules were given up at %" PRIu64
         " steps or for want of room; --steps sets the limit",
         tally->truncated, tally->schedules, hunt->options.max_steps);
}

/* The program may have run into its output, which goes elsewhere when it is replayed. Where that cannot be
 * written to, this cannot either, and the command says so. */
static void tell_of_output(const struct hunt *hunt, const json_t *error, const char *directory)
{
    const char *output = json_string_value(json_object_get(error, "output"));
    if (hunt->options.verb == VERB_RUN && !hunt->options.quiet && output && directory)
        printf("lockcheck: what the program wrote when it was replayed is in %s/%s\n", directory, output);
}

/* Fills the results in. Returns the exit code. */
static int fill(struct hunt *hunt, struct results *results, const struct execution *last_clean)
{
    json_object_set_new(results->json, "findings", json_array());
    bool confirmed = confirm_all(hunt, results);
    uint64_t hash = hunt->tally.hash;
    struct group **order = groups_in_order(hunt);
    if (*order)
        hash = order[0]->first.hash;
    free(order);
    if (last_clean) {
        hash = last_clean->hash;
        const char *name = results_add_schedule(results, &hunt->program, last_clean, hunt->options.strategy);
        json_object_set_new(results->json, "schedule", name ? json_string(name) : json_null());
    }
    if (hunt->error.summary && confirmed)
        add_error(hunt, results);
    bool findings = json_array_size(json_object_get(results->json, "findings")) > 0;
    const json_t *error = json_object_get(results->json, "error");
    int code = error && (!findings || !confirmed) ? EXIT_UNCONTROLLED : findings ? EXIT_FINDING : EXIT_CLEAN;
    if (code == EXIT_CLEAN && hunt->interrupted) {
        add_unfinished(hunt, results, "interrupted");
        code = EXIT_INTERRUPTED;
    } else if (code == EXIT_CLEAN && tally_all_truncated(&hunt->tally)) {
        results_add_given_up(results, hunt->tally.truncated);
        code = EXIT_UNCONTROLLED;
    }
    add_suppressed(hunt, results, true);
    add_state(hunt, results);
    set_head(hunt, results, code, hash, false);
    return code;
}

int conclude(struct hunt *hunt, const struct execution *last_clean)
{
    const struct options *options = &hunt->options;
    struct results results;
    results_init(&results);
    settle(hunt);
    int code = fill(hunt, &results, last_clean);
    size_t findings = json_array_size(json_object_get(results.json, "findings"));
    const json_t *error = json_object_get(results.json, "error");
    shrink_findings(hunt, &results);
    progress_end();
    char *written;
    if (results_write(&results, options->out, false, &written) != 0)
        code = EXIT_USAGE;
    if (findings && written && !options->quiet)
        report_print(written, "text");
    if (error)
        results_complain(error);
    tell_of_output(hunt, error, written);
    warn_of_limits(hunt);
    if (!options->quiet && (findings || !error))
        print_verdict(hunt, results.json, written);
    if (!options->quiet)
        suppressions_print(json_object_get(results.json, "suppressions"));
    free(written);
    results_free(&results);
    return code;
}
