/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands `run` and `explore`: see hunt.h. */
#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/conclude.h"
#include "lockcheck/tool/ctf.h"
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/state.h"
#include "lockcheck/tool/strategies.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAVE_INTERVAL_NS 2000000000ull
#define SAVE_SHARE 20u /* saving takes at most one part in this many of the time */

#define BATCH_AIM_NS 20000000ull   /* what a batch is to take */
#define BATCH_LIMIT_NS 50000000ull /* and when the template ends it */

double hunt_seconds(const struct hunt *hunt)
{
    return hunt->seconds_before + (double)(now_ns() - hunt->started_ns) / 1e9;
}

/* To find livelocks lots are drawn; where schedules follow from each other each choice is the search's. */
static uint32_t detectors_of(const struct options *options)
{
    bool sequential = lc_strategy_find(options->strategy)->sequential;
    return options->detect & ~(sequential ? (uint32_t)LC_DETECT_LIVELOCK : 0);
}

struct settings hunt_settings(const struct hunt *hunt, uint64_t schedule)
{
    const struct options *options = &hunt->options;
    return (struct settings){
        .strategy = options->strategy,
        .seed = options->seed,
        .schedule = schedule,
        .max_steps = options->max_steps,
        .points = options->points,
        .detect = detectors_of(options),
        .depth = options->depth,
        .preemptions = options->preemptions,
        .pass_over = hunt->suppressions.count ? LC_PASSED_MAX : 0,
        /* Its finding is judged at once: what the program prints is seen, and not to be seen twice. */
        .flags = (options->verb == VERB_RUN && hunt->suppressions.count ? LC_FLAG_EVIDENCE : 0) |
                 (hunt->trace ? LC_FLAG_TRACE : 0),
        .trace = hunt->trace,
        .trace_events = hunt->trace ? options->last : 0,
    };
}

size_t hunt_findings(const struct hunt *hunt)
{
    size_t findings = 0;
    for (size_t i = 0; i < hunt->group_count; i++)
        findings += hunt->groups[i].suppression == 0;
    return findings;
}

void group_free(struct group *group)
{
    execution_free(&group->first);
    json_decref(group->description);
    free(group->id);
}

int group_compare(const struct group *a, const struct group *b)
{
    const struct execution *x = &a->first, *y = &b->first;
    if (!x->report != !y->report)
        return x->report ? 1 : -1;
    if (x->schedule != y->schedule)
        return x->schedule < y->schedule ? -1 : 1;
    if (x->report != y->report)
        return x->report < y->report ? -1 : 1;
    return x->passed_count < y->passed_count ? -1 : x->passed_count > y->passed_count;
}

/* ---- findings ---- */

/* Findings are told apart: a first one does not end the hunt, or only if it was not known before. */
static bool groups_findings(const struct hunt *hunt)
{
    return hunt->options.keep_going || hunt->options.resume;
}

/* It takes the evidence of a finding to know what becomes of it. */
static bool judges_findings(const struct hunt *hunt)
{
    return groups_findings(hunt) || hunt->suppressions.count;
}

static struct known_execution *known_place(const struct hunt *hunt, uint64_t hash)
{
    size_t i = (size_t)(hash ^ hash >> 32) % KNOWN_EXECUTIONS;
    while (hunt->executions[i].hash && hunt->executions[i].hash != hash)
        i = (i + 1) % KNOWN_EXECUTIONS;
    return &hunt->executions[i];
}

static void remember_execution(struct hunt *hunt, uint64_t hash, size_t group)
{
    if (!hunt->executions)
        hunt->executions = allocate(KNOWN_EXECUTIONS * sizeof *hunt->executions);
    if (!hash || hunt->execution_count >= KNOWN_EXECUTIONS / 2)
        return;
    struct known_execution *place = known_place(hunt, hash);
    hunt->execution_count += place->hash == 0;
    *place = (struct known_execution){hash, group};
}

/* Only after it is known which numbers still count. */
static void count(struct hunt *hunt, const struct ended ended)
{
    if (ended.schedule)
        tally_add(&hunt->tally, ended, hunt->last);
}

/* What an execution goes on after is kept, and the hunt goes on too: to what strikes. */
static bool ends_hunt(const struct hunt *hunt, const struct group *group, const struct execution *execution)
{
    return !hunt->options.keep_going && !group->known && !group->suppression && !execution->report;
}

/* The finding belongs to that group. Takes the execution over. */
static void add_to_group(struct hunt *hunt, struct ended *ended, size_t index, struct execution *execution)
{
    struct group *group = &hunt->groups[index];
    if (ends_hunt(hunt, group, execution) && execution->schedule < hunt->last)
        hunt->last = execution->schedule;
    if (group->first.summary && execution->schedule >= group->first.schedule) {
        execution_free(execution);
    } else {
        execution_free(&group->first);
        json_decref(group->description);
        group->description = NULL;
        group->first = *execution;
    }
    ended_add(ended, (uint32_t)index + 1);
}

/* by: the suppression that matches the finding, or NOT_SUPPRESSED. Takes the execution over. Returns the
 * group. */
static size_t take_judged(struct hunt *hunt, struct ended *ended, struct execution *execution, size_t by)
{
    size_t i = 0;
    bool suppressed = by != NOT_SUPPRESSED;
    char *id = suppressed ? print_text("suppression-%zu", by + 1)
               : groups_findings(hunt) || execution->report
                   ? evidence_identify(hunt->evidence, execution, true)
                   : copy_text("");
    while (i < hunt->group_count && strcmp(hunt->groups[i].id, id) != 0)
        i++;
    if (i < hunt->group_count) {
        free(id);
    } else {
        hunt->groups = reallocate(hunt->groups, (hunt->group_count + 1) * sizeof *hunt->groups);
        hunt->groups[hunt->group_count++] = (struct group){.id = id, .suppression = suppressed ? by + 1 : 0};
    }
    if (judges_findings(hunt) && !execution->report)
        remember_execution(hunt, execution->hash, i);
    add_to_group(hunt, ended, i, execution);
    return i;
}

static size_t take_finding(struct hunt *hunt, struct ended *ended, struct execution *execution)
{
    return take_judged(hunt, ended, execution,
                       suppressions_find(&hunt->suppressions, hunt->evidence, execution));
}

/* Takes the execution over. */
static void take_error(struct hunt *hunt, struct execution *execution)
{
    if (execution->schedule < hunt->last)
        hunt->last = execution->schedule;
    execution_free(&hunt->error);
    hunt->error = *execution;
}

/* ---- what an execution shows ---- */

/* Up to its report of that number, or to its end: 0; after so many findings that are passed over. */
static struct settings repetition(const struct hunt *hunt, const struct execution *execution, uint32_t report,
                                  uint32_t passed)
{
    struct settings settings = hunt_settings(hunt, execution->schedule);
    settings.strategy = "replay";
    settings.sleepers = execution->sleepers;
    settings.flags = LC_FLAG_EVIDENCE;
    settings.report = report;
    settings.pass_over = passed;
    if (report)
        settings.earlier = execution->reports[report - 1].earlier;
    settings.decisions = execution->decisions;
    settings.decisions_bytes = execution->decisions_bytes;
    return settings;
}

static struct known_report *report_of(struct hunt *hunt, uint64_t key)
{
    for (size_t i = 0; i < hunt->report_count; i++)
        if (hunt->reports[i].key == key)
            return &hunt->reports[i];
    return NULL;
}

/* Takes over what came of repeating an execution up to its next report. */
static void take_report(struct hunt *hunt, struct job *job, struct execution *repeated)
{
    uint64_t key = job->pending.reports[job->looked_at++].key;
    if (repeated->ending != ENDING_FINDING) {
        char *summary = print_text("the report %u of schedule %" PRIu64 " did not come again: %s",
                                   job->looked_at, job->pending.schedule, repeated->summary);
        execution_fail(repeated, "not-reproducible", summary);
        free(summary);
        take_error(hunt, repeated);
        return;
    }
    repeated->seconds = job->pending.seconds;
    size_t group = take_finding(hunt, &job->ended, repeated);
    if (report_of(hunt, key))
        return;
    hunt->reports = reallocate(hunt->reports, (hunt->report_count + 1) * sizeof *hunt->reports);
    hunt->reports[hunt->report_count++] = (struct known_report){key, group};
}

/* What the report is can be said without repeating the execution. */
static bool is_known(struct hunt *hunt, struct job *job)
{
    const struct known_report *known = report_of(hunt, job->pending.reports[job->looked_at].key);
    if (!known || job->pending.schedule < hunt->groups[known->group].first.schedule)
        return false; /* the first one is that of the lowest number */
    ended_add(&job->ended, (uint32_t)known->group + 1);
    job->looked_at++;
    return true;
}

/* Has the job's template, if it can, repeat what is pending. Returns true when that is under way; otherwise
 * the repetition is in *repeated, which has no summary when there was none: interrupted, or said. */
static bool repeat(struct hunt *hunt, struct job *job, enum phase phase, const struct settings *settings,
                   struct execution *repeated)
{
    *repeated = (struct execution){0};
    if (job->pending.schedule && job->template.state == TEMPLATE_READY && hunt->options.verb != VERB_RUN) {
        job->phase = phase;
        template_begin(&job->template, settings);
        return true;
    }
    char *output = NULL;
    size_t length;
    if (execute(&hunt->program, settings, OUTPUT_CAPTURE, repeated, &output, &length) != 0)
        *repeated = (struct execution){0};
    free(output);
    return false;
}

/* Repeats the execution of a job up to its next report. Returns true when that is under way. */
static bool begin_report(struct hunt *hunt, struct job *job)
{
    struct settings settings = repetition(hunt, &job->pending, job->looked_at + 1, job->pending.passed_count);
    struct execution repeated;
    if (repeat(hunt, job, PHASE_REPORT, &settings, &repeated))
        return true;
    if (repeated.summary)
        take_report(hunt, job, &repeated);
    else
        job->looked_at = job->pending.report_count;
    return false;
}

/* What the execution passed over next is known to be suppressed, from another that was the same up to there.
 */
static bool is_known_passed(struct hunt *hunt, struct job *job)
{
    const struct known_execution *known =
        hunt->executions ? known_place(hunt, job->pending.passed[job->passed]) : NULL;
    if (!known || !known->hash || !hunt->groups[known->group].suppression ||
        job->pending.schedule < hunt->groups[known->group].first.schedule)
        return false; /* the first one is that of the lowest number */
    ended_add(&job->ended, (uint32_t)known->group + 1);
    job->passed++;
    return true;
}

/* Takes over what came of repeating an execution up to a finding that it passed over. If it should not have,
 * then it ends there. */
static void take_passed(struct hunt *hunt, struct job *job, struct execution *repeated)
{
    repeated->seconds = job->pending.seconds;
    bool came = repeated->ending == ENDING_FINDING && repeated->hash == job->pending.passed[job->passed];
    size_t by = came ? suppressions_find(&hunt->suppressions, hunt->evidence, repeated) : NOT_SUPPRESSED;
    if (by != NOT_SUPPRESSED) {
        job->passed++;
        take_judged(hunt, &job->ended, repeated, by);
        return;
    }
    if (!came) {
        char *summary =
            print_text("the finding %u that schedule %" PRIu64 " passed over did not come again: %s",
                       job->passed + 1, job->pending.schedule, repeated->summary);
        execution_fail(repeated, "not-reproducible", summary);
        free(summary);
    }
    execution_free(&job->pending);
    job->pending = *repeated;
    job->pending.passed_count = job->passed;
    job->ended.steps = repeated->steps;
    job->ended.hash = repeated->hash;
    job->ended.truncated = job->ended.cut = false;
}

/* Repeats the execution of a job up to the next finding that it has passed over. Returns true when that is
 * under way. */
static bool begin_passed(struct hunt *hunt, struct job *job)
{
    struct settings settings = repetition(hunt, &job->pending, 0, job->passed);
    struct execution repeated;
    if (repeat(hunt, job, PHASE_PASSED, &settings, &repeated))
        return true;
    if (repeated.summary)
        take_passed(hunt, job, &repeated);
    else
        job->passed = job->pending.passed_count;
    return false;
}

/* The last that an execution shows is what it ended with. Takes the pending execution over. Returns true when
 * it is being repeated. */
static bool take_its_end(struct hunt *hunt, struct job *job)
{
    struct execution *execution = &job->pending;
    bool error = execution->ending == ENDING_ERROR || execution->ending == ENDING_UNUSABLE ||
                 (execution->ending == ENDING_LIMIT && hunt->options.verb == VERB_RUN);
    if (execution->ending != ENDING_FINDING) {
        if (error)
            take_error(hunt, execution);
        else
            execution_free(execution);
        return false;
    }
    const struct known_execution *known =
        hunt->executions && execution->hash ? known_place(hunt, execution->hash) : NULL;
    if (known && known->hash) {
        add_to_group(hunt, &job->ended, known->group, execution);
    } else if (judges_findings(hunt) && hunt->options.verb != VERB_RUN &&
               job->template.state == TEMPLATE_READY && execution->decisions_bytes) {
        struct settings settings = repetition(hunt, execution, 0, execution->passed_count);
        job->phase = PHASE_IDENTIFY;
        template_begin(&job->template, &settings);
        return true;
    } else {
        take_finding(hunt, &job->ended, execution);
    }
    return false;
}

/* Looks at what the pending execution of a job shows, as far as that can be said now; counts it in the end.
 */
static void look_at(struct hunt *hunt, struct job *job)
{
    struct execution *execution = &job->pending;
    while (job->passed < execution->passed_count)
        if (!is_known_passed(hunt, job) && begin_passed(hunt, job))
            return;
    while (job->looked_at < execution->report_count)
        if (!is_known(hunt, job) && begin_report(hunt, job))
            return;
    if (take_its_end(hunt, job))
        return;
    *execution = (struct execution){0};
    count(hunt, job->ended);
}

static uint32_t early_reports(const struct job *job)
{
    uint32_t count = job->template.channel->early_reports; /* the program could write there too */
    return count <= LC_REPORTS ? count : LC_REPORTS;
}

/* What the program has shown before its checkpoint, to all templates alike, comes before all schedules. */
static void look_at_start_up(struct hunt *hunt, struct job *job)
{
    if (hunt->start_up_looked_at)
        return;
    hunt->start_up_looked_at = true;
    job->pending = (struct execution){.report_count = early_reports(job)};
    memcpy(job->pending.reports, job->template.channel->reports, sizeof job->pending.reports);
    job->ended = (struct ended){0};
    job->looked_at = 0;
    while (job->looked_at < job->pending.report_count)
        begin_report(hunt, job);
    job->pending = (struct execution){0};
}

/* ---- ends of schedules ---- */

static void move_on(const struct hunt *hunt, struct job *job)
{
    job->range.next += hunt->tally.stride;
    job->range.count--;
}

/* Counts what of the batch has ended plainly by now. */
static void take_results(struct hunt *hunt, struct job *job)
{
    uint32_t done = template_batch_done(&job->template);
    while (job->batch.taken < done) {
        const struct lc_result *result = &job->template.channel->results[job->batch.taken++];
        count(hunt, (struct ended){.schedule = job->range.next,
                                   .steps = result->steps,
                                   .hash = result->hash,
                                   .cut = result->cut});
        move_on(hunt, job);
    }
}

/* A batch has ended after so many schedules. */
static void set_batch_size(struct job *job, uint32_t schedules)
{
    uint64_t took = now_ns() - job->batch.begun_ns + 1, fit = BATCH_AIM_NS * schedules / took + 1;
    uint64_t size = job->batch.size * 2ull < fit ? job->batch.size * 2ull : fit;
    job->batch.size = size < LC_BATCH_MAX ? (uint32_t)size : LC_BATCH_MAX;
}

/* A schedule that counts has ended otherwise than plainly, or a template has ended instead of getting to its
 * checkpoint. */
static void take_end(struct hunt *hunt, struct job *job)
{
    struct execution execution;
    template_collect(&job->template, &execution);
    execution.seconds = hunt_seconds(hunt);
    if (execution.ending == ENDING_EXHAUSTED) {
        hunt->exhausted = true;
        hunt->left_out = execution.complete ? NULL : copy_text(execution.summary);
        hunt->last = execution.schedule - 1;
        execution_free(&execution);
        return;
    }
    job->pending = execution;
    job->passed = 0;
    job->looked_at = early_reports(job);
    job->ended = (struct ended){.schedule = execution.schedule,
                                .steps = execution.steps,
                                .hash = execution.hash,
                                .truncated = execution.ending == ENDING_LIMIT,
                                .cut = execution.ending == ENDING_CUT};
    look_at(hunt, job);
}

/* Whatever a run that does not count ended with, a schedule will show it too, unless it was not controlled.
 */
static void take_uncounted(struct hunt *hunt, struct job *job, enum phase phase)
{
    uint32_t outcome = job->template.channel->outcome;
    if (phase == PHASE_MEASURE) {
        job->measured = true;
        job->sleepers = job->template.channel->sleepers_used;
    } else {
        profiling_took(&job->profiling, &job->template);
    }
    if (job->template.state == TEMPLATE_READY && outcome != LC_OUTCOME_UNCONTROLLED &&
        outcome != LC_OUTCOME_INTERNAL)
        return;
    struct execution execution;
    template_collect(&job->template, &execution);
    if (execution.ending == ENDING_ERROR)
        take_error(hunt, &execution);
    else
        execution_free(&execution);
}

static void take_identification(struct hunt *hunt, struct job *job)
{
    struct execution repeated, *found = &job->pending;
    template_collect(&job->template, &repeated);
    char *difference = execution_difference(found, &repeated);
    if (!difference && repeated.evidence) {
        free(found->evidence);
        found->evidence = repeated.evidence;
        found->evidence_bytes = repeated.evidence_bytes;
        repeated.evidence = NULL;
    }
    free(difference); /* the replay in a fresh process will say so */
    execution_free(&repeated);
    take_finding(hunt, &job->ended, found);
    job->pending = (struct execution){0};
    count(hunt, job->ended);
}

static void take_repeated(struct hunt *hunt, struct job *job, enum phase phase)
{
    struct execution repeated;
    template_collect(&job->template, &repeated);
    if (phase == PHASE_REPORT)
        take_report(hunt, job, &repeated);
    else
        take_passed(hunt, job, &repeated);
    look_at(hunt, job);
}

/* There are schedules for the job to begin. */
static bool has_work(const struct hunt *hunt, const struct job *job)
{
    return (job->range.count && job->range.next <= hunt->last) || hunt->next <= hunt->last;
}

static bool counts(const struct hunt *hunt, const struct job *job)
{
    if (job->template.state == TEMPLATE_STARTING ||
        (job->template.state == TEMPLATE_RUNNING &&
         (job->phase == PHASE_PROFILE || job->phase == PHASE_MEASURE)))
        return has_work(hunt, job);
    if (job->template.state != TEMPLATE_RUNNING)
        return false;
    bool repeats = job->phase == PHASE_IDENTIFY || job->phase == PHASE_REPORT || job->phase == PHASE_PASSED;
    return (repeats ? job->pending.schedule : job->range.next) <= hunt->last;
}

/* Counts what has ended of the batches under way, and has those end that go on beyond what counts. */
static void follow_batches(struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++) {
        struct job *job = &hunt->jobs[i];
        if (job->template.state != TEMPLATE_RUNNING || job->phase != PHASE_EXPLORE)
            continue;
        take_results(hunt, job);
        if (job->range.next <= hunt->last &&
            (hunt->last - job->range.next) / hunt->tally.stride < job->range.count)
            template_limit_batch(&job->template,
                                 job->batch.taken + 1 +
                                     (uint32_t)((hunt->last - job->range.next) / hunt->tally.stride));
    }
}

/* The batch of a job has ended, or its template has. */
static void take_batch(struct hunt *hunt, struct job *job)
{
    const struct template *template = &job->template;
    look_at_start_up(hunt, job);
    take_results(hunt, job);
    bool plainly = template->state == TEMPLATE_READY && template->channel->schedule < job->range.next;
    set_batch_size(job, job->batch.taken + !plainly);
    if (plainly || job->range.next > hunt->last)
        return;
    move_on(hunt, job);
    take_end(hunt, job);
}

/* The program was not built for what was asked. */
static void check_points(struct hunt *hunt, const struct job *job)
{
    if (hunt->options.points != LC_POINTS_MEMORY || job->template.channel->memory_points ||
        hunt->warned_of_points)
        return;
    hunt->warned_of_points = true;
    warn("--points memory: %s was not built with lockcheck-cc or lockcheck-c++, so only its synchronisation "
         "is "
         "explored",
         hunt->program.path);
}

/* What the program brings along is the same in every template. */
static void read_own_suppressions(struct hunt *hunt, const struct job *job)
{
    if (hunt->own_suppressions_read || !hunt->options.default_suppressions)
        return;
    hunt->own_suppressions_read = true;
    hunt->refused = template_suppressions(&job->template, &hunt->suppressions) != 0;
}

/* Reads from a job whose socket is readable. */
static void serve(struct hunt *hunt, struct job *job)
{
    struct template *template = &job->template;
    bool counted = counts(hunt, job), was_running = template->state == TEMPLATE_RUNNING;
    template_read(template);
    if (!was_running && template->state == TEMPLATE_READY) {
        check_points(hunt, job);
        read_own_suppressions(hunt, job);
    }
    if (!counted || (!was_running && template->state != TEMPLATE_ENDED))
        return;
    enum phase phase = job->phase;
    job->phase = PHASE_EXPLORE;
    if (was_running && (phase == PHASE_PROFILE || phase == PHASE_MEASURE))
        take_uncounted(hunt, job, phase);
    else if (was_running && phase == PHASE_IDENTIFY)
        take_identification(hunt, job);
    else if (was_running && (phase == PHASE_REPORT || phase == PHASE_PASSED))
        take_repeated(hunt, job, phase);
    else if (was_running)
        take_batch(hunt, job);
    else
        take_end(hunt, job);
}

/* ---- the loop ---- */

static bool explored_before(const struct hunt *hunt, uint64_t schedule)
{
    return hunt->options.resume && tally_waits(&hunt->tally, schedule);
}

/* The next numbers, without a gap and not so many that other jobs would have to wait for them at the end. */
static void take_range(struct hunt *hunt, struct job *job)
{
    uint64_t left = (hunt->last - hunt->next) / hunt->tally.stride;
    uint64_t most = hunt->job_count == 1 ? left + 1 : left / (2 * hunt->job_count) + 1;
    if (most > job->batch.size)
        most = job->batch.size;
    job->range.next = hunt->next;
    job->range.count = 0;
    do {
        hunt->next += hunt->tally.stride;
        job->range.count++;
    } while (job->range.count < most && !explored_before(hunt, hunt->next));
    while (explored_before(hunt, hunt->next))
        hunt->next += hunt->tally.stride;
}

/* A processor for each job: see lockcheck/runtime/processor.c. None where there are more jobs than
 * processors. */
static void give_processors(struct hunt *hunt)
{
    cpu_set_t ours;
    if (sched_getaffinity(0, sizeof ours, &ours) != 0 || (unsigned)CPU_COUNT(&ours) < hunt->job_count)
        return;
    unsigned job = 0;
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && job < hunt->job_count; cpu++)
        if (CPU_ISSET(cpu, &ours))
            hunt->jobs[job++].template.channel->processor = cpu + 1;
}

/* The next run of a job that is ready. */
static void begin_next(struct hunt *hunt, struct job *job)
{
    struct settings settings = hunt_settings(hunt, 0);
    settings.sleepers = job->sleepers;
    uint32_t count = 1;
    if (!job->measured && hunt->options.verb != VERB_RUN) {
        job->phase = PHASE_MEASURE;
        settings = measuring_run(&settings);
    } else if (profiling_wanted(&job->profiling, &settings, hunt->strategy->profiles)) {
        job->phase = PHASE_PROFILE;
        settings = profiling_run(&job->profiling, &settings);
    } else {
        if (!job->range.count)
            take_range(hunt, job);
        settings.schedule = job->range.next;
        count = (uint32_t)job->range.count;
    }
    job->batch.taken = 0;
    job->batch.begun_ns = now_ns();
    template_begin_batch(&job->template, &settings, hunt->tally.stride, count, BATCH_LIMIT_NS);
}

static void begin_schedules(struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++)
        if (hunt->jobs[i].template.state == TEMPLATE_READY && has_work(hunt, &hunt->jobs[i]))
            begin_next(hunt, &hunt->jobs[i]);
}

/* The results so far reach the disk often enough, and cost little enough. */
static void save_now_and_then(struct hunt *hunt)
{
    uint64_t now = now_ns();
    if (hunt->options.verb == VERB_RUN || (now < hunt->save.due_ns && hunt->save.groups == hunt->group_count))
        return;
    bool ready = false;
    for (unsigned i = 0; i < hunt->job_count; i++)
        ready |= hunt->jobs[i].template.state == TEMPLATE_READY ||
                 hunt->jobs[i].template.state == TEMPLATE_RUNNING;
    if (!ready)
        return; /* a program that never gets to its checkpoint leaves nothing */
    if (conclude_so_far(hunt) != 0 && !hunt->save.failed) {
        hunt->save.failed = true;
        warn("cannot write the results so far to %s: %s", hunt->options.out, strerror(errno));
    }
    uint64_t after = now_ns();
    hunt->save.groups = hunt->group_count;
    hunt->save.due_ns = after + SAVE_INTERVAL_NS;
    if ((after - now) * SAVE_SHARE > SAVE_INTERVAL_NS)
        hunt->save.due_ns = after + (after - now) * SAVE_SHARE;
}

static void show_progress(const struct hunt *hunt)
{
    if (!progress_due())
        return;
    uint64_t findings = 0;
    for (uint32_t i = 0; i < hunt->group_count; i++)
        findings += hunt->groups[i].suppression ? 0 : tally_found(&hunt->tally, i + 1);
    progress_show(&(struct progress_figures){
        .schedules = hunt->tally.schedules + hunt->tally.waiting_count,
        .distinct = distinct_count(&hunt->tally.distinct),
        .distinct_exact = distinct_is_exact(&hunt->tally.distinct),
        .findings = findings,
        .groups = hunt_findings(hunt),
        .seconds = hunt_seconds(hunt),
        .limit_seconds = hunt->options.seconds,
        .limit_schedules = hunt->last == UINT64_MAX
                               ? UINT64_MAX
                               : (hunt->last + hunt->tally.stride - hunt->options.shard) / hunt->tally.stride,
    });
}

/* The time is over. What has been begun counts, and what was explored before the run went on. */
static void end_soon(struct hunt *hunt)
{
    uint64_t begun = hunt->next - 1, before = tally_last_waiting(&hunt->tally);
    if (before > begun)
        begun = before;
    if (begun < hunt->last)
        hunt->last = begun;
}

/* Until no schedule that counts is under way and none is to be begun. */
static void hunt_on(struct hunt *hunt)
{
    struct pollfd *pollfds = allocate(hunt->job_count * sizeof *pollfds);
    uint64_t watched_ns = now_ns();
    bool done = false;
    while (!interrupted() && !hunt->refused) {
        if (hunt_seconds(hunt) >= hunt->options.seconds)
            end_soon(hunt);
        begin_schedules(hunt);
        follow_batches(hunt);
        save_now_and_then(hunt);
        bool active = false;
        for (unsigned i = 0; i < hunt->job_count; i++) {
            bool wanted = counts(hunt, &hunt->jobs[i]);
            active |= wanted;
            pollfds[i] = (struct pollfd){.fd = wanted ? hunt->jobs[i].template.socket : -1, .events = POLLIN};
        }
        done = !active;
        if (done)
            break;
        if (poll(pollfds, hunt->job_count, WATCH_INTERVAL_MS) > 0)
            for (unsigned i = 0; i < hunt->job_count; i++)
                if (pollfds[i].revents)
                    serve(hunt, &hunt->jobs[i]);
        if (now_ns() - watched_ns >= WATCH_INTERVAL_MS * 1000000ull) {
            watched_ns = now_ns();
            for (unsigned i = 0; i < hunt->job_count; i++)
                template_watch(&hunt->jobs[i].template);
        }
        show_progress(hunt);
    }
    follow_batches(hunt);
    free(pollfds);
    hunt->interrupted = interrupted() && !done;
    forget_interrupt();
}

static int start_jobs(struct hunt *hunt)
{
    uint64_t schedules = hunt->last < hunt->next ? 1 : (hunt->last - hunt->next) / hunt->tally.stride + 1;
    hunt->job_count = schedules < hunt->options.jobs ? (unsigned)schedules : hunt->options.jobs;
    hunt->jobs = allocate(hunt->job_count * sizeof *hunt->jobs);
    struct settings settings = hunt_settings(hunt, hunt->next);
    /* Where objects come from is part of what tells findings apart. */
    settings.flags = groups_findings(hunt) || settings.detect ? LC_FLAG_EVIDENCE : 0;
    for (unsigned i = 0; i < hunt->job_count; i++) {
        hunt->jobs[i].batch.size = 1;
        if (template_start(&hunt->jobs[i].template, &hunt->program, &settings,
                           hunt->options.verb == VERB_RUN ? OUTPUT_INHERIT : OUTPUT_DISCARD) != 0) {
            hunt->job_count = i;
            return -1;
        }
    }
    if (hunt->options.verb != VERB_RUN)
        give_processors(hunt);
    return 0;
}

static void stop_jobs(struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++) {
        template_stop(&hunt->jobs[i].template);
        execution_free(&hunt->jobs[i].pending);
    }
}

/* The program ended with an error of its own before there was anything to explore. */
static int report_unusable(const struct hunt *hunt)
{
    for (unsigned i = 0; i < hunt->job_count; i++) {
        const struct template *template = &hunt->jobs[i].template;
        size_t length;
        if (template->state != TEMPLATE_ENDED || !template->channel)
            continue;
        char *output = template_output(template, &length);
        progress_clear();
        fwrite(output, 1, length, stderr);
        free(output);
        break;
    }
    complain("%s %s", hunt->program.path, hunt->error.summary);
    return EXIT_USAGE;
}

/* ---- the trace of a run ---- */

static struct ctf_facts facts_of(const struct hunt *hunt)
{
    return (struct ctf_facts){.program = &hunt->program,
                              .strategy = hunt->options.strategy,
                              .seed = hunt->options.seed,
                              .schedule = 1};
}

static int open_trace(struct hunt *hunt)
{
    struct ctf_facts facts = facts_of(hunt);
    if (hunt->options.ctf)
        hunt->trace = ctf_open(hunt->options.ctf, &facts);
    return hunt->trace || !hunt->options.ctf ? 0 : -1;
}

/* Its process has ended, or is ended. */
static int finish_trace(struct hunt *hunt)
{
    struct execution execution;
    struct template *template = &hunt->jobs[0].template;
    if (!hunt->trace)
        return 0;
    template_collect(template, &execution);
    struct ctf_facts facts = facts_of(hunt);
    facts.ending = hunt->interrupted ? "interrupted" : execution.kind;
    facts.steps = execution.steps;
    facts.hash = execution.hash;
    facts.error = execution.trace_error;
    template_stop(template);
    int result = execution.schedule ? ctf_finish(hunt->trace, &facts) : 0; /* 0: it has not begun */
    execution_free(&execution);
    return result;
}

static int hunt_and_conclude(struct hunt *hunt)
{
    progress_start(hunt->options.quiet || hunt->options.verb == VERB_RUN);
    if (start_jobs(hunt) != 0)
        return EXIT_UNCONTROLLED;
    hunt_on(hunt);
    if (hunt->refused)
        return EXIT_USAGE;
    if (hunt->error.summary && hunt->error.ending == ENDING_UNUSABLE)
        return report_unusable(hunt);
    struct execution clean = {0};
    bool keep = hunt->options.verb == VERB_RUN && !hunt->group_count && !hunt->error.summary &&
                hunt->tally.schedules == 1;
    if (keep)
        template_collect(&hunt->jobs[0].template, &clean);
    bool traced = finish_trace(hunt) == 0;
    stop_jobs(hunt);
    int code = conclude(hunt, keep ? &clean : NULL);
    execution_free(&clean);
    return traced ? code : EXIT_USAGE;
}

static void free_hunt(struct hunt *hunt)
{
    stop_jobs(hunt);
    free(hunt->jobs);
    tally_free(&hunt->tally);
    for (size_t i = 0; i < hunt->group_count; i++) {
        group_free(&hunt->groups[i]);
    }
    free(hunt->groups);
    free(hunt->executions);
    free(hunt->reports);
    suppressions_free(&hunt->suppressions);
    free(hunt->left_out);
    execution_free(&hunt->error);
    evidence_reader_free(hunt->evidence);
    program_free(&hunt->program);
    free(hunt->trace);
    json_decref(hunt->tally_state);
    json_decref(hunt->resumed);
}

/* What is to be run, and where the results go. Returns 0, or -1 after saying what is wrong. */
static int prepare(struct hunt *hunt)
{
    if (hunt->options.resume)
        return state_resume(hunt, hunt->options.resume) == 0 && results_open(hunt->options.out) == 0 ? 0 : -1;
    if (suppressions_read_all(&hunt->suppressions, hunt->options.suppressions) != 0)
        return -1;
    tally_init(&hunt->tally, hunt->options.shard, hunt->options.shards);
    hunt->next = hunt->options.shard;
    hunt->last = hunt->options.schedules;
    return program_find(&hunt->program, hunt->options.program) == 0 && results_open(hunt->options.out) == 0
               ? open_trace(hunt)
               : -1;
}

int hunt_command(const struct options *options)
{
    struct hunt hunt = {.options = *options, .started_ns = now_ns(), .evidence = evidence_reader_new()};
    int code = EXIT_USAGE;
    if (prepare(&hunt) == 0) {
        hunt.strategy = lc_strategy_find(hunt.options.strategy);
        code = hunt_and_conclude(&hunt);
    }
    progress_end();
    free_hunt(&hunt);
    return code;
}
