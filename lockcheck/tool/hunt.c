/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands `run` and `explore`: see hunt.h. */
#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Equal findings of several schedules. */
struct group {
    char *id;
    uint64_t count;
    struct execution first; /* that with the lowest number */
};

/* Figures of one schedule that has ended. */
struct tally {
    uint64_t schedule, steps, hash;
    bool truncated;
};

struct hunt {
    const struct options *options;
    struct program program;
    struct template *jobs;
    unsigned job_count;
    uint64_t started_ns;
    uint64_t next; /* the schedule to begin next */
    uint64_t last; /* none above this one counts */
    bool interrupted;

    /* Schedules that have ended: those up to `through` are summed up, later ones wait for those before them.
     */
    uint64_t through, steps, truncated, hash;
    struct tally *waiting;
    size_t waiting_count, waiting_room;

    struct evidence_reader *evidence;
    struct group *groups;
    size_t group_count;
    struct execution error; /* that with the lowest number; no summary: none */
};

/* A good spread of the bits of a number (the finalizer of SplitMix64). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static int by_schedule(const void *a, const void *b)
{
    uint64_t x = ((const struct tally *)a)->schedule, y = ((const struct tally *)b)->schedule;
    return x < y ? -1 : x > y;
}

static void sum_up(struct hunt *hunt, const struct tally *tally)
{
    hunt->through = tally->schedule;
    hunt->steps += tally->steps;
    hunt->truncated += tally->truncated;
    hunt->hash += mix(tally->hash + tally->schedule * 0x9e3779b97f4a7c15ull);
}

static void tally_add(struct hunt *hunt, struct tally tally)
{
    if (hunt->waiting_count == hunt->waiting_room) {
        hunt->waiting_room = hunt->waiting_room * 2 + 16;
        hunt->waiting = reallocate(hunt->waiting, hunt->waiting_room * sizeof *hunt->waiting);
    }
    hunt->waiting[hunt->waiting_count++] = tally;
    if (tally.schedule != hunt->through + 1)
        return;
    qsort(hunt->waiting, hunt->waiting_count, sizeof *hunt->waiting, by_schedule);
    size_t used = 0;
    while (used < hunt->waiting_count && hunt->waiting[used].schedule == hunt->through + 1 &&
           hunt->through < hunt->last)
        sum_up(hunt, &hunt->waiting[used++]);
    hunt->waiting_count -= used;
    memmove(hunt->waiting, hunt->waiting + used, hunt->waiting_count * sizeof *hunt->waiting);
}

static double seconds_so_far(const struct hunt *hunt)
{
    return (double)(now_ns() - hunt->started_ns) / 1e9;
}

static struct settings settings_for(const struct hunt *hunt, uint64_t schedule)
{
    return (struct settings){
        .strategy = hunt->options->strategy,
        .seed = hunt->options->seed,
        .schedule = schedule,
        .max_steps = hunt->options->max_steps,
    };
}

static void take_finding(struct hunt *hunt, struct execution *execution)
{
    char *id = hunt->options->keep_going ? evidence_identify(hunt->evidence, execution) : copy_text("");
    if (!hunt->options->keep_going)
        hunt->last = execution->schedule;
    for (size_t i = 0; i < hunt->group_count; i++) {
        struct group *group = &hunt->groups[i];
        if (strcmp(group->id, id) != 0)
            continue;
        group->count += hunt->options->keep_going;
        if (execution->schedule < group->first.schedule) {
            struct execution other = group->first;
            group->first = *execution;
            *execution = other;
        }
        execution_free(execution);
        free(id);
        return;
    }
    hunt->groups = reallocate(hunt->groups, (hunt->group_count + 1) * sizeof *hunt->groups);
    hunt->groups[hunt->group_count++] = (struct group){.id = id, .count = 1, .first = *execution};
}

static void take_error(struct hunt *hunt, struct execution *execution)
{
    hunt->last = execution->schedule;
    execution_free(&hunt->error);
    hunt->error = *execution;
}

/* A schedule that counts has ended, or a template has ended instead of getting to its checkpoint. */
static void take_end(struct hunt *hunt, struct template *job)
{
    const struct lc_channel *channel = job->channel;
    if (template_was_clean(job)) {
        tally_add(hunt, (struct tally){channel->schedule, channel->steps, channel->hash, false});
        return;
    }
    struct execution execution;
    template_collect(job, &execution);
    execution.seconds = seconds_so_far(hunt);
    struct tally tally = {execution.schedule, execution.steps, execution.hash,
                          execution.ending == ENDING_LIMIT};
    if (execution.ending == ENDING_FINDING)
        take_finding(hunt, &execution);
    else if (execution.ending == ENDING_ERROR || execution.ending == ENDING_UNUSABLE ||
             (execution.ending == ENDING_LIMIT && hunt->options->verb == VERB_RUN))
        take_error(hunt, &execution);
    else
        execution_free(&execution);
    if (tally.schedule)
        tally_add(hunt, tally); /* after it is known which numbers still count */
}

static bool counts(const struct hunt *hunt, const struct template *job)
{
    return (job->state == TEMPLATE_STARTING && hunt->next <= hunt->last) ||
           (job->state == TEMPLATE_RUNNING && job->channel->schedule <= hunt->last);
}

/* Reads from a job whose socket is readable. */
static void serve(struct hunt *hunt, struct template *job)
{
    bool counted = counts(hunt, job), was_running = job->state == TEMPLATE_RUNNING;
    template_read(job);
    if (counted && (was_running || job->state == TEMPLATE_ENDED))
        take_end(hunt, job);
}

static void begin_schedules(struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count && hunt->next <= hunt->last; i++)
        if (hunt->jobs[i].state == TEMPLATE_READY) {
            struct settings settings = settings_for(hunt, hunt->next++);
            template_begin(&hunt->jobs[i], &settings);
        }
}

/* Until no schedule that counts is under way and none is to be begun. */
static void hunt_on(struct hunt *hunt)
{
    struct pollfd *pollfds = allocate(hunt->job_count * sizeof *pollfds);
    uint64_t watched_ns = now_ns();
    while (!interrupted()) {
        if (seconds_so_far(hunt) >= hunt->options->seconds && hunt->next - 1 < hunt->last)
            hunt->last = hunt->next - 1;
        begin_schedules(hunt);
        bool active = false;
        for (unsigned i = 0; i < hunt->job_count; i++) {
            bool wanted = counts(hunt, &hunt->jobs[i]);
            active |= wanted;
            pollfds[i] = (struct pollfd){.fd = wanted ? hunt->jobs[i].socket : -1, .events = POLLIN};
        }
        if (!active)
            break;
        if (poll(pollfds, hunt->job_count, WATCH_INTERVAL_MS) > 0)
            for (unsigned i = 0; i < hunt->job_count; i++)
                if (pollfds[i].revents)
                    serve(hunt, &hunt->jobs[i]);
        if (now_ns() - watched_ns >= WATCH_INTERVAL_MS * 1000000ull) {
            watched_ns = now_ns();
            for (unsigned i = 0; i < hunt->job_count; i++)
                template_watch(&hunt->jobs[i]);
        }
        uint64_t findings = 0;
        for (size_t i = 0; i < hunt->group_count; i++)
            findings += hunt->groups[i].count;
        progress_show(hunt->through + hunt->waiting_count, findings);
    }
    free(pollfds);
    hunt->interrupted = interrupted();
    forget_interrupt();
}

static int start_jobs(struct hunt *hunt)
{
    hunt->job_count = hunt->options->jobs;
    if (hunt->job_count > hunt->options->schedules)
        hunt->job_count = (unsigned)hunt->options->schedules;
    hunt->jobs = allocate(hunt->job_count * sizeof *hunt->jobs);
    struct settings settings = settings_for(hunt, 1);
    for (unsigned i = 0; i < hunt->job_count; i++)
        if (template_start(&hunt->jobs[i], &hunt->program, &settings,
                           hunt->options->verb == VERB_RUN ? OUTPUT_INHERIT : OUTPUT_DISCARD) != 0) {
            hunt->job_count = i;
            return -1;
        }
    return 0;
}

/* Forgets what was shown by schedules that do not count, and sums up the others. */
static void settle(struct hunt *hunt)
{
    if (hunt->waiting_count)
        qsort(hunt->waiting, hunt->waiting_count, sizeof *hunt->waiting, by_schedule);
    uint64_t summed = hunt->through;
    for (size_t i = 0; i < hunt->waiting_count && hunt->waiting[i].schedule <= hunt->last; i++, summed++)
        sum_up(hunt, &hunt->waiting[i]);
    hunt->through = summed; /* after an interrupt, numbers may be missing */
    size_t kept = 0;
    for (size_t i = 0; i < hunt->group_count; i++)
        if (hunt->groups[i].first.schedule <= hunt->last &&
            !(hunt->error.summary && hunt->groups[i].first.schedule == hunt->last)) {
            hunt->groups[kept++] = hunt->groups[i];
        } else {
            execution_free(&hunt->groups[i].first);
            free(hunt->groups[i].id);
        }
    hunt->group_count = kept;
    if (hunt->error.summary && hunt->error.schedule > hunt->last)
        execution_free(&hunt->error);
}

/* Runs the schedule again in a fresh process. Adds the files of the finding and its description to results.
 * Returns whether it was the same execution. */
static bool confirm(struct hunt *hunt, const struct group *group, struct results *results)
{
    const struct execution *recorded = &group->first;
    struct settings settings = settings_for(hunt, recorded->schedule);
    settings.strategy = "replay";
    settings.flags = LC_FLAG_EVIDENCE;
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
        results_add_schedule(results, &hunt->program, recorded, hunt->options->strategy);
    const char *output_name =
        output ? results_add_output(results, recorded->schedule, output, output_length) : NULL;
    replayed.seconds = recorded->seconds;
    const struct execution *shown = difference ? recorded : &replayed;
    json_t *description = results_describe(hunt->evidence, shown, group->count, schedule_name, output_name);
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
        json_array_append_new(json_object_get(results->json, "findings"), description);
    }
    bool same = !difference;
    free(difference);
    execution_free(&replayed);
    return same;
}

static int by_first_schedule(const void *a, const void *b)
{
    uint64_t x = ((const struct group *)a)->first.schedule, y = ((const struct group *)b)->first.schedule;
    return x < y ? -1 : x > y;
}

/* The program ended with an error of its own before there was anything to explore. */
static int report_unusable(const struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++) {
        size_t length;
        if (hunt->jobs[i].state != TEMPLATE_ENDED || !hunt->jobs[i].channel)
            continue;
        char *output = template_output(&hunt->jobs[i], &length);
        progress_clear();
        fwrite(output, 1, length, stderr);
        free(output);
        break;
    }
    complain("%s %s", hunt->program.path, hunt->error.summary);
    return EXIT_USAGE;
}

static void print_verdict(const struct hunt *hunt, const struct results *results, const char *directory,
                          double seconds)
{
    const json_t *findings = json_object_get(results->json, "findings");
    char effort[128];
    snprintf(effort, sizeof effort, "%" PRIu64 " schedule%s, %" PRIu64 " steps, %.1f s", hunt->through,
             hunt->through == 1 ? "" : "s", hunt->steps, seconds);
    if (json_array_size(findings) == 0) {
        printf("lockcheck: nothing found (%s%s)\n", effort, hunt->interrupted ? ", interrupted" : "");
        return;
    }
    printf("lockcheck: %zu finding%s (%s%s); everything is in %s\n", json_array_size(findings),
           json_array_size(findings) == 1 ? "" : "s", effort, hunt->interrupted ? ", interrupted" : "",
           directory);
}

/* Confirms, describes and writes what was found. Returns the exit code. */
static int conclude(struct hunt *hunt, struct results *results, const struct execution *last_clean)
{
    double seconds = seconds_so_far(hunt);
    const struct options *options = hunt->options;
    bool confirmed = true;
    uint64_t hash = hunt->hash;
    json_object_set_new(results->json, "findings", json_array());
    if (hunt->group_count)
        qsort(hunt->groups, hunt->group_count, sizeof *hunt->groups, by_first_schedule);
    for (size_t i = 0; i < hunt->group_count; i++)
        confirmed &= confirm(hunt, &hunt->groups[i], results);
    if (hunt->group_count)
        hash = hunt->groups[0].first.hash;
    if (last_clean) {
        hash = last_clean->hash;
        const char *name = results_add_schedule(results, &hunt->program, last_clean, options->strategy);
        json_object_set_new(results->json, "schedule", name ? json_string(name) : json_null());
    }
    if (hunt->error.summary && confirmed) {
        const char *name = hunt->error.decisions_bytes ? results_add_schedule(results, &hunt->program,
                                                                              &hunt->error, options->strategy)
                                                       : NULL;
        json_object_set_new(results->json, "error",
                            results_describe(hunt->evidence, &hunt->error, 1, name, NULL));
    } else if (confirmed && hunt->interrupted && hunt->through == 0) {
        json_object_set_new(results->json, "error",
                            json_pack("{s:s, s:s}", "kind", "interrupted", "summary",
                                      "interrupted before the first schedule came to its end"));
    }
    size_t findings = json_array_size(json_object_get(results->json, "findings"));
    const json_t *error = json_object_get(results->json, "error");
    int code = error && (!findings || !confirmed) ? EXIT_UNCONTROLLED : findings ? EXIT_FINDING : EXIT_CLEAN;
    results_set_head(results, &(struct results_head){
                                  .command = options->verb == VERB_RUN ? "run" : "explore",
                                  .verdict = code == EXIT_UNCONTROLLED ? "error"
                                             : code == EXIT_FINDING    ? "finding"
                                                                       : "clean",
                                  .program = &hunt->program,
                                  .strategy = options->strategy,
                                  .seed = options->seed,
                                  .schedules = hunt->through,
                                  .steps = hunt->steps,
                                  .truncated = hunt->truncated,
                                  .seconds = seconds,
                                  .hash = hash,
                                  .interrupted = hunt->interrupted,
                              });
    progress_end();
    char *written;
    if (results_write(results, options->out, false, &written) != 0)
        code = EXIT_USAGE;
    if (findings && written && !options->quiet)
        report_print(written, "text");
    if ((error = json_object_get(results->json, "error")))
        results_complain(error);
    if (hunt->truncated && options->verb == VERB_EXPLORE)
        warn("%s%" PRIu64 " of %" PRIu64 " schedules were given up at %" PRIu64
             " steps or for want of room; --steps sets the limit",
             hunt->truncated == hunt->through ? "all: " : "", hunt->truncated, hunt->through,
             options->max_steps);
    if (!options->quiet && (findings || !error))
        print_verdict(hunt, results, written ? written : options->out, seconds);
    free(written);
    return code;
}

static void free_hunt(struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++)
        template_stop(&hunt->jobs[i]);
    free(hunt->jobs);
    free(hunt->waiting);
    for (size_t i = 0; i < hunt->group_count; i++) {
        execution_free(&hunt->groups[i].first);
        free(hunt->groups[i].id);
    }
    free(hunt->groups);
    execution_free(&hunt->error);
    evidence_reader_free(hunt->evidence);
    program_free(&hunt->program);
}

static int hunt_and_conclude(struct hunt *hunt)
{
    progress_start(hunt->options->quiet || hunt->options->verb == VERB_RUN);
    if (start_jobs(hunt) != 0)
        return EXIT_UNCONTROLLED;
    hunt_on(hunt);
    settle(hunt);
    if (hunt->error.summary && hunt->error.ending == ENDING_UNUSABLE)
        return report_unusable(hunt);
    struct execution clean = {0};
    bool keep =
        hunt->options->verb == VERB_RUN && !hunt->group_count && !hunt->error.summary && hunt->through == 1;
    if (keep)
        template_collect(&hunt->jobs[0], &clean);
    for (unsigned i = 0; i < hunt->job_count; i++)
        template_stop(&hunt->jobs[i]);
    struct results results;
    results_init(&results);
    int code = conclude(hunt, &results, keep ? &clean : NULL);
    execution_free(&clean);
    results_free(&results);
    return code;
}

int hunt_command(const struct options *options)
{
    struct hunt hunt = {
        .options = options,
        .started_ns = now_ns(),
        .next = 1,
        .last = options->schedules,
        .evidence = evidence_reader_new(),
    };
    int code = EXIT_USAGE;
    if (program_find(&hunt.program, options->program) == 0 && results_open(options->out) == 0)
        code = hunt_and_conclude(&hunt);
    progress_end();
    free_hunt(&hunt);
    return code;
}
