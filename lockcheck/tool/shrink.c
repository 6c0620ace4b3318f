/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shrinking schedules: see shrink.h. */
#include "lockcheck/tool/shrink.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/plan.h"
#include "lockcheck/tool/progress.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/schedule.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The budget, in steps. A try costs its steps and what its process costs. */
#define BUDGET_STEPS 400000000ull
#define TRY_STEPS 5000u
/* A try that goes on for so much longer than the best execution is given up. */
#define LONGER_BY(steps) ((steps) + (steps) / 4 + 1000)

struct shrinker {
    struct template template;
    struct settings settings; /* of a try */
    struct evidence_reader *evidence;
    const struct execution *found;
    char *identity; /* of the finding as tries show it */
    char *full;     /* the same with the names and stacks that evidence gives, NULL if tries show them all */
    struct execution best;
    struct trace trace; /* of best */
    uint64_t spent, tries;
    bool stopped; /* the budget is spent, or the user wants an end */
    bool broken;  /* the template has ended */
};

/* ---- tries ---- */

/* Runs one schedule. Returns whether it came to its end. */
static bool run(struct shrinker *s, const struct settings *settings, struct execution *execution)
{
    if (s->broken || s->stopped)
        return false;
    s->tries++;
    if (template_run(&s->template, settings) != 0) {
        s->stopped = true;
        return false;
    }
    s->broken = s->template.state != TEMPLATE_READY;
    s->spent += s->template.channel->steps + TRY_STEPS;
    s->stopped = s->stopped || s->broken || s->spent > BUDGET_STEPS || interrupted();
    if (progress_due())
        progress_say("shrinking: %zu preemptions, %" PRIu64 " steps, %" PRIu64 " tries",
                     s->trace.preemption_count, s->best.steps, s->tries);
    template_collect(&s->template, execution);
    return !s->broken;
}

/* Settings that run the execution again. */
static struct settings replaying(const struct shrinker *s, const struct execution *execution)
{
    struct settings settings = s->settings;
    settings.strategy = "replay";
    settings.decisions = execution->decisions;
    settings.decisions_bytes = execution->decisions_bytes;
    return settings;
}

static void adopt(struct shrinker *s, struct execution *execution)
{
    trace_free(&s->trace);
    trace_init(&s->trace, (const struct lc_step *)((const char *)s->template.channel + LC_STEPS_OFFSET),
               (size_t)execution->steps);
    execution_free(&s->best);
    s->best = *execution;
}

/* What tries do not show, a replay with evidence does: is it the same finding in full? */
static bool same_in_full(struct shrinker *s, const struct execution *execution)
{
    if (!s->full)
        return true;
    struct settings settings = replaying(s, execution);
    settings.flags |= LC_FLAG_EVIDENCE;
    struct execution again;
    if (!run(s, &settings, &again))
        return false;
    char *identity = evidence_identify(s->evidence, &again, true);
    bool same = again.hash == execution->hash && strcmp(identity, s->full) == 0;
    free(identity);
    execution_free(&again);
    return same;
}

static bool same_finding(struct shrinker *s, const struct execution *execution)
{
    if (execution->ending != ENDING_FINDING || strcmp(execution->kind, s->found->kind) != 0)
        return false;
    char *identity = evidence_identify(s->evidence, execution, true);
    bool same = strcmp(identity, s->identity) == 0;
    free(identity);
    return same && same_in_full(s, execution);
}

static uint64_t preemptions_of(const struct lc_channel *channel)
{
    const struct lc_step *steps = (const struct lc_step *)((const char *)channel + LC_STEPS_OFFSET);
    uint64_t count = 0;
    for (uint64_t i = 0; i < channel->steps; i++)
        count += steps[i].switched == STEP_PREEMPTION;
    return count;
}

/* Does what the plan says. Keeps it if it has the same finding and is better. Takes the plan over. */
static bool attempt(struct shrinker *s, struct plan *plan)
{
    struct settings settings = s->settings;
    settings.max_steps = LONGER_BY(s->best.steps);
    settings.decisions = plan->bytes;
    settings.decisions_bytes = plan->length;
    struct execution execution;
    bool better = plan->length <= LC_REPLAY_SIZE && run(s, &settings, &execution);
    plan_free(plan);
    if (!better)
        return false;
    uint64_t preemptions = execution.ending == ENDING_FINDING ? preemptions_of(s->template.channel) : 0;
    better = execution.ending == ENDING_FINDING &&
             (preemptions < s->trace.preemption_count ||
              (preemptions == s->trace.preemption_count && execution.steps < s->best.steps)) &&
             same_finding(s, &execution);
    if (better)
        adopt(s, &execution);
    else
        execution_free(&execution);
    return better;
}

/* ---- afresh: executions with few preemptions from the beginning ---- */

#define FEW 16u /* preemptions: from here on it is worth to look at each */
#define TRIES_AFRESH 4000u
#define TRIES_WITHOUT_SUCCESS 1000u

/* For a finding that shows easily, a new execution is a shorter way than a detour made straight. */
static void search_afresh(struct shrinker *s)
{
    static const uint32_t sparse[] = {256, 64, 16};
    for (uint32_t k = 0; k < TRIES_AFRESH && s->trace.preemption_count > FEW && !s->stopped; k++) {
        struct plan plan = {0};
        if (k % 2 == 0)
            plan_add_graft(&plan, k, &s->trace);
        else
            plan_add_lots(&plan, k, s->trace.threads, s->trace.length, sparse[k / 2 % 3]);
        attempt(s, &plan);
    }
}

/* The same preemptions elsewhere, or some of them. Returns whether there are fewer then. */
static bool search_elsewhere(struct shrinker *s)
{
    size_t before = s->trace.preemption_count;
    for (uint32_t k = 0, failed = 0;
         failed < TRIES_WITHOUT_SUCCESS && s->trace.preemption_count > 0 && !s->stopped; k++) {
        struct plan plan = {0};
        plan_add_graft(&plan, k, &s->trace);
        failed = attempt(s, &plan) ? 0 : failed + 1;
    }
    return s->trace.preemption_count < before;
}

/* ---- coarse: parts of the execution made tame ---- */

/* What follows a change: as it was, or alike. */
typedef void add_rest(struct plan *, const struct trace *, size_t from, size_t to);

static bool attempt_tame(struct shrinker *s, size_t from, size_t to, enum stop stop, add_rest *add)
{
    struct plan plan = {0};
    plan_add_exact(&plan, &s->trace, 0, from);
    if (to < s->trace.length) {
        plan_add_tame(&plan, &s->trace, from, to, stop);
        add(&plan, &s->trace, to, s->trace.length);
    }
    return attempt(s, &plan);
}

/* A step near `step`, where the most threads are at rest, so that what comes after depends the least on how
 * it came to that. */
static size_t quiet_step(const struct trace *t, size_t step, size_t distance)
{
    size_t best = step;
    for (size_t i = 0; i <= distance; i++)
        for (int side = 0; side < 2; side++) {
            size_t at = side ? step + i : step - i;
            if (i <= step && at < t->length && t->enabled[at] < t->enabled[best])
                best = at;
        }
    return best;
}

/* Ways to make a part tame; the one that was the last to succeed is tried first. */
struct way {
    enum stop stop;
    add_rest *add;
};

static bool attempt_ways(struct shrinker *s, struct way *ways, size_t count, size_t from, size_t to)
{
    for (size_t i = 0; i < count && !s->stopped; i++) {
        struct way way = ways[i];
        if (attempt_tame(s, from, to, way.stop, way.add)) {
            memmove(ways + 1, ways, i * sizeof *ways);
            ways[0] = way;
            return true;
        }
        if (to == s->trace.length)
            break; /* nothing comes after it */
    }
    return false;
}

/*
 * Makes part after part tame, from the end to the beginning, since what comes before a change stays as it is.
 * After a success the next part is twice as long, after a failure half as long.
 */
static void tame(struct shrinker *s)
{
    struct way ways[] = {{STOP_ALL_AT_REST, plan_add_alike},
                         {STOP_AT_REST, plan_add_exact},
                         {STOP_AT_REST, plan_add_alike},
                         {STOP_EXACTLY, plan_add_exact}};
    const struct trace *t = &s->trace;
    size_t end = t->length, width = end;
    while (end > 0 && !s->stopped) {
        size_t length = width < end ? width : end;
        size_t from = end - length;
        if (from > 0 && length >= 8)
            from = quiet_step(t, from, length / 4);
        size_t inside = trace_preemptions_before(t, end) - trace_preemptions_before(t, from + 1);
        if (inside == 0) {
            end = from;
        } else if (attempt_ways(s, ways, sizeof ways / sizeof *ways, from, end)) {
            end = from;
            width = length * 2;
        } else if (inside > 1) {
            width = length / 2;
        } else {
            end = from;
        }
        if (end > t->length)
            end = t->length;
    }
}

/* ---- fine: single preemptions ---- */

/* The end of the run of one thread that begins with the step. */
static size_t end_of_run(const struct trace *t, size_t step)
{
    size_t end = step + 1;
    while (end < t->length && t->thread[end] == t->thread[step])
        end++;
    return end;
}

/* The thread that is preempted at the step goes on until it blocks. */
static bool attempt_going_on(struct shrinker *s, size_t step, add_rest *add)
{
    const struct trace *t = &s->trace;
    size_t before = step;
    while (before > 0 && t->thread[before - 1] == LC_TIME)
        before--;
    if (before == 0)
        return false;
    struct plan plan = {0};
    plan_add_exact(&plan, t, 0, step);
    plan_add_run(&plan, t->thread[before - 1], t->rest[before - 1]);
    add(&plan, t, step, t->length);
    return attempt(s, &plan);
}

/* What runs at the step runs later, with what its thread does next. */
static bool attempt_leaving_out(struct shrinker *s, size_t step, add_rest *add)
{
    const struct trace *t = &s->trace;
    struct plan plan = {0};
    plan_add_exact(&plan, t, 0, step);
    add(&plan, t, end_of_run(t, step), t->length);
    return attempt(s, &plan);
}

/* What runs at the step runs earlier, where a thread blocked. */
static bool attempt_coming_early(struct shrinker *s, size_t step, add_rest *add)
{
    const struct trace *t = &s->trace;
    size_t place = step;
    for (int places = 0; places < 3 && place > 0;) {
        if (t->thread[--place] == t->thread[step])
            return false;
        if (t->how[place] != STEP_SWITCH)
            continue;
        places++;
        size_t end = end_of_run(t, step);
        struct plan plan = {0};
        plan_add_exact(&plan, t, 0, place);
        plan_add_exact(&plan, t, step, end);
        plan_add_exact(&plan, t, place, step);
        add(&plan, t, end, t->length);
        if (attempt(s, &plan))
            return true;
    }
    return false;
}

/* The work from the k-th preemption to a few further on, tame. */
static bool attempt_window(struct shrinker *s, size_t k, add_rest *add)
{
    for (size_t width = 1; width <= 8 && k < s->trace.preemption_count; width++) {
        const struct trace *t = &s->trace;
        size_t last = k + width;
        size_t to = last < t->preemption_count ? t->preemptions[last] : t->length;
        for (enum stop stop = STOP_EXACTLY; stop <= STOP_ALL_AT_REST; stop++)
            if (attempt_tame(s, t->preemptions[k], to, stop, add))
                return true;
    }
    return false;
}

/* Changes around each preemption, the last first. Returns whether anything became better. */
static bool refine(struct shrinker *s)
{
    static add_rest *const rests[] = {plan_add_exact, plan_add_alike};
    bool better = false;
    for (size_t k = s->trace.preemption_count; k-- > 0 && !s->stopped;)
        for (size_t i = 0; i < 2 && k < s->trace.preemption_count; i++) {
            size_t step = s->trace.preemptions[k];
            better |= attempt_leaving_out(s, step, rests[i]) || attempt_going_on(s, step, rests[i]) ||
                      attempt_coming_early(s, step, rests[i]) || attempt_window(s, k, rests[i]);
        }
    return better;
}

/* ---- finest: several preemptions at once ---- */

#define SEVERAL 12u /* preemptions, for all pairs and triples of them to be tried */
#define AT_ONCE 3u

/* What becomes of a preemption: the run that came instead is left out, or the preempted thread goes on. */
enum edit { EDIT_LEAVE_OUT, EDIT_GO_ON, EDITS };

struct edited {
    size_t preemption; /* its index */
    enum edit edit;
};

/* Edits in ascending order of their preemptions. */
static bool attempt_edits(struct shrinker *s, const struct edited *edits, size_t count, add_rest *add)
{
    const struct trace *t = &s->trace;
    struct plan plan = {0};
    size_t at = t->preemptions[edits[0].preemption];
    plan_add_exact(&plan, t, 0, at);
    for (size_t i = 0; i < count; i++) {
        size_t step = t->preemptions[edits[i].preemption], before = step;
        if (step < at)
            continue; /* it was in a run that has been left out */
        add(&plan, t, at, step);
        at = step;
        while (before > 0 && t->thread[before - 1] == LC_TIME)
            before--;
        if (edits[i].edit == EDIT_LEAVE_OUT)
            at = end_of_run(t, step);
        else if (before > 0)
            plan_add_run(&plan, t->thread[before - 1], t->rest[before - 1]);
    }
    add(&plan, t, at, t->length);
    return attempt(s, &plan);
}

/* Every way to edit the preemptions of these indices. */
static bool attempt_all_edits(struct shrinker *s, const size_t *chosen, size_t count)
{
    static add_rest *const rests[] = {plan_add_alike, plan_add_exact};
    for (unsigned ways = 0; ways < 1u << count; ways++)
        for (size_t r = 0; r < 2; r++) {
            struct edited edits[AT_ONCE];
            for (size_t i = 0; i < count; i++)
                edits[i] = (struct edited){chosen[i], ways >> i & 1 ? EDIT_GO_ON : EDIT_LEAVE_OUT};
            if (attempt_edits(s, edits, count, rests[r]))
                return true;
        }
    return false;
}

/* All pairs, then all triples of preemptions. Returns whether anything became better. */
static bool refine_several(struct shrinker *s)
{
    for (size_t count = 2; count <= AT_ONCE; count++) {
        size_t n = s->trace.preemption_count, chosen[AT_ONCE];
        if (n < count || n > SEVERAL)
            continue;
        for (size_t i = 0; i < count; i++)
            chosen[i] = i;
        for (;;) {
            if (attempt_all_edits(s, chosen, count))
                return true;
            if (s->stopped)
                return false;
            size_t i = count; /* the next combination in lexicographic order */
            while (i-- > 0 && chosen[i] == n - count + i)
                ;
            if (i == SIZE_MAX)
                break;
            chosen[i]++;
            for (size_t k = i + 1; k < count; k++)
                chosen[k] = chosen[k - 1] + 1;
        }
    }
    return false;
}

/* ---- all of it ---- */

#define MANY 400u /* preemptions: one by one would take too long */

static void simplify(struct shrinker *s)
{
    uint64_t preemptions, steps;
    do {
        preemptions = s->trace.preemption_count;
        steps = s->best.steps;
        tame(s);
        while (s->trace.preemption_count <= MANY && (refine(s) || refine_several(s)))
            ;
    } while (!s->stopped && (s->trace.preemption_count < preemptions || s->best.steps < steps));
}

static void search(struct shrinker *s)
{
    search_afresh(s);
    do
        simplify(s);
    while (search_elsewhere(s));
}

/* The recorded execution again, to know its steps and how tries show its finding. Returns 0 or -1. */
static int begin(struct shrinker *s, const struct program *program)
{
    const struct execution *found = s->found;
    if (found->steps * sizeof(struct lc_step) > LC_STEPS_SIZE) {
        complain("the schedule has %" PRIu64 " steps, more than can be shrunk", found->steps);
        return -1;
    }
    struct settings settings = s->settings;
    settings.flags |= LC_FLAG_EVIDENCE; /* where objects come from that were made before the checkpoint */
    if (template_launch(&s->template, program, &settings, OUTPUT_DISCARD) != 0)
        return -1;
    settings = replaying(s, found);
    struct execution again = {0};
    bool whole = s->template.state == TEMPLATE_READY && run(s, &settings, &again);
    char *difference =
        whole ? execution_difference(found, &again) : copy_text("the replay did not come to its end");
    if (difference) {
        complain("the schedule does not replay, so it cannot be shrunk: %s", difference);
        free(difference);
        execution_free(&again);
        return -1;
    }
    s->identity = evidence_identify(s->evidence, &again, true);
    adopt(s, &again);
    settings.flags |= LC_FLAG_EVIDENCE;
    if (run(s, &settings, &again)) {
        s->full = evidence_identify(s->evidence, &again, true);
        execution_free(&again);
        if (strcmp(s->full, s->identity) == 0) {
            free(s->full);
            s->full = NULL;
        }
    }
    return 0;
}

/* After what the others find an execution goes on. */
static uint32_t ending_detectors(uint32_t detectors)
{
    return detectors & ~(uint32_t)LC_DETECT_REPORTS;
}

int shrink_execution(const struct program *program, const struct execution *found,
                     struct evidence_reader *evidence, struct shrunk *shrunk)
{
    struct shrinker s = {.evidence = evidence,
                         .found = found,
                         .settings = {.strategy = "guided",
                                      .seed = found->seed,
                                      .schedule = found->schedule,
                                      .flags = LC_FLAG_STEPS,
                                      .points = found->points,
                                      .detect = ending_detectors(found->detect),
                                      .preemptions = -1,
                                      .sleepers = found->sleepers,
                                      .pass_over = found->passed_count}};
    int result = begin(&s, program);
    if (result == 0) {
        *shrunk =
            (struct shrunk){.preemptions_before = s.trace.preemption_count, .steps_before = s.best.steps};
        search(&s);
        shrunk->execution = s.best;
        shrunk->preemptions_after = s.trace.preemption_count;
        shrunk->tries = s.tries;
        shrunk->stopped = s.stopped;
        s.best = (struct execution){0};
    }
    template_stop(&s.template);
    trace_free(&s.trace);
    execution_free(&s.best);
    free(s.identity);
    free(s.full);
    return result;
}

char *shrink_story(const struct shrunk *shrunk)
{
    return print_text("%" PRIu64 " preemptions and %" PRIu64 " steps became %" PRIu64 " and %" PRIu64
                      " after %" PRIu64 " tries%s",
                      shrunk->preemptions_before, shrunk->steps_before, shrunk->preemptions_after,
                      shrunk->execution.steps, shrunk->tries, shrunk->stopped ? ", stopped early" : "");
}

/* ---- the command ---- */

/* The finding that the schedule shows with this build. Returns 0, or -1 after saying what is wrong. */
static int find_again(const struct program *program, const struct schedule *schedule,
                      const struct options *options, struct execution *execution)
{
    struct settings settings = {.strategy = "replay",
                                .seed = schedule->seed,
                                .schedule = schedule->number,
                                .points = schedule->points,
                                .detect = ending_detectors(schedule->detect),
                                .preemptions = -1,
                                .sleepers = (uint32_t)schedule->sleepers,
                                .pass_over = (uint32_t)schedule->passed,
                                .decisions = schedule->decisions,
                                .decisions_bytes = schedule->decisions_bytes};
    if (execute(program, &settings, OUTPUT_DISCARD, execution, NULL, NULL) != 0)
        return -1;
    bool same = execution->hash == schedule->hash && strcmp(execution->kind, schedule->kind) == 0;
    if (execution->ending == ENDING_FINDING && (same || options->force))
        return 0;
    if (same)
        complain("%s ends with \"%s\"; there is no finding to keep", options->schedule, schedule->kind);
    else
        complain("%s does not replay: recorded: %s, execution hash %016" PRIx64 "; replayed: %s, %016" PRIx64,
                 options->schedule, schedule->kind, schedule->hash, execution->kind, execution->hash);
    return -1;
}

/* "0042.short.schedule" beside "0042.schedule": text that the caller frees. */
static char *default_name(const char *schedule)
{
    static const char suffix[] = ".schedule";
    size_t length = strlen(schedule);
    if (length > strlen(suffix) && strcmp(schedule + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    return print_text("%.*s.short%s", (int)length, schedule, suffix);
}

/* Can it be written, as far as that is known before? Returns 0, or -1 after saying why not. */
static int check_target(const char *path)
{
    struct stat target;
    bool there = stat(path, &target) == 0;
    if (there && S_ISDIR(target.st_mode)) {
        complain("%s is a directory; --out takes the name of the file to be written", path);
        return -1;
    }
    if (there && S_ISREG(target.st_mode) && target.st_size > 0 && schedule_begins(path) == 0) {
        complain("%s exists and is not a schedule; it is left as it is", path);
        return -1;
    }
    char *copy = copy_text(path);
    int result = access(there ? path : dirname(copy), W_OK);
    if (result != 0)
        complain("cannot write %s: %s", path, strerror(errno));
    free(copy);
    return result;
}

static int write_shrunk(const struct program *program, const struct schedule *schedule, const char *path,
                        const struct options *options, const struct shrunk *shrunk)
{
    char *story = shrink_story(shrunk);
    size_t length;
    char *text = results_schedule_text(program, &shrunk->execution, schedule->strategy, &length);
    int code = EXIT_FINDING;
    if (!text || results_write_file(path, text, length) != 0) {
        complain("cannot write %s: %s", path, text ? strerror(errno) : "the decisions are not whole");
        code = EXIT_USAGE;
    } else if (!options->quiet) {
        printf("lockcheck: %s\nlockcheck: the shrunk schedule is %s\n", story, path);
    }
    free(text);
    free(story);
    return code;
}

static int shrink_and_write(const struct program *program, const struct schedule *schedule, const char *path,
                            const struct options *options)
{
    struct evidence_reader *evidence = evidence_reader_new();
    struct execution found = {0};
    struct shrunk shrunk = {0};
    int code = EXIT_UNCONTROLLED;
    if (find_again(program, schedule, options, &found) == 0 &&
        shrink_execution(program, &found, evidence, &shrunk) == 0)
        code = write_shrunk(program, schedule, path, options, &shrunk);
    else if (interrupted()) {
        complain("interrupted before there was anything shorter");
        code = EXIT_INTERRUPTED;
    }
    execution_free(&found);
    execution_free(&shrunk.execution);
    evidence_reader_free(evidence);
    return code;
}

int shrink_command(const struct options *options)
{
    struct schedule schedule;
    struct program program = {0};
    if (schedule_read(&schedule, options->schedule) != 0)
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    if (schedule.report) {
        complain("%s: the execution goes on after this finding (%s), so there is no end to shrink it to",
                 options->schedule, schedule.kind);
        schedule_free(&schedule);
        return code;
    }
    char *path = options->out ? copy_text(options->out) : default_name(options->schedule);
    if (check_target(path) == 0 &&
        program_open(&program, schedule.program, schedule.argv, schedule.cwd) == 0 &&
        program_check_build(&program, schedule.build_id, options->schedule, options->force) == 0) {
        progress_start(options->quiet);
        code = shrink_and_write(&program, &schedule, path, options);
        progress_end();
    }
    free(path);
    program_free(&program);
    schedule_free(&schedule);
    return code;
}
