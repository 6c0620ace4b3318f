/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is needed to go on with an exploration: see state.h. */
#include "lockcheck/tool/state.h"
#include "lockcheck/tool/schedule.h"
#include "lockcheck/tool/strategies.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_VERSION 1

/* ---- writing ---- */

static json_t *print_findings(const struct hunt *hunt)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < hunt->group_count; i++) {
        const struct group *group = &hunt->groups[i];
        char *name = results_schedule_name(&group->first);
        json_array_append_new(findings,
                              json_pack("{s:s, s:I, s:f, s:s, s:i}", "id", group->id, "number",
                                        (json_int_t)group->first.schedule, "seconds", group->first.seconds,
                                        "schedule", name, "suppression", (int)group->suppression));
        free(name);
    }
    return findings;
}

char *state_print(const struct hunt *hunt)
{
    const struct options *o = &hunt->options;
    json_t *argv = json_array();
    for (char **argument = hunt->program.argv; *argument; argument++)
        json_array_append_new(argv, json_string(*argument));
    json_t *json = json_pack(
        "{s:i, s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:I, s:I, s:b, s:f, s:b, s:o, s:o}",
        "version", STATE_VERSION, "program", argv, "program_path", hunt->program.path, "cwd",
        hunt->program.cwd, "build_id", hunt->program.build_id, "strategy", o->strategy, "seed",
        (json_int_t)o->seed, "max_steps", (json_int_t)o->max_steps, "depth", (json_int_t)o->depth,
        "preemptions", (int)o->preemptions, "points", (int)o->points, "shard", (json_int_t)o->shard, "shards",
        (json_int_t)o->shards, "keep_going", (int)o->keep_going, "seconds", hunt_seconds(hunt), "exhausted",
        (int)hunt->exhausted, "tally",
        hunt->tally_state ? json_incref(hunt->tally_state) : tally_print(&hunt->tally), "findings",
        print_findings(hunt));
    json_object_set_new(json, "detect", json_integer(o->detect));
    json_object_set_new(json, "last",
                        o->schedules == UINT64_MAX ? json_null() : json_integer((json_int_t)o->schedules));
    json_object_set_new(json, "suppressions",
                        hunt->suppressions.texts ? json_incref(hunt->suppressions.texts) : json_array());
    json_object_set_new(json, "limit", isfinite(o->seconds) ? json_real(o->seconds) : json_null());
    char *dumped = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    char *text = print_text("%s\n", dumped);
    free(dumped);
    json_decref(json);
    return text;
}

/* ---- reading ---- */

static json_t *state_read(const char *directory)
{
    char *path = print_text("%s/" STATE_FILE, directory);
    json_error_t error;
    size_t length;
    char *text = read_whole_file(path, &length);
    json_t *json = text ? json_loadb(text, length, 0, &error) : NULL;
    if (!text)
        complain("%s: %s; the directory of results of an exploration is expected", path, read_problem(errno));
    else if (!json)
        complain("%s: line %d: %s", path, error.line, error.text);
    else if (json_integer_value(json_object_get(json, "version")) != STATE_VERSION) {
        complain("%s: version %d of the state of an exploration is expected", path, STATE_VERSION);
        json_decref(json);
        json = NULL;
    }
    free(text);
    free(path);
    return json;
}

static int read_options(struct options *o, const json_t *json)
{
    json_int_t seed, max_steps, depth, shard, shards;
    int preemptions, points, keep_going;
    if (json_unpack((json_t *)json, "{s:s, s:I, s:I, s:I, s:i, s:i, s:I, s:I, s:b}", "strategy", &o->strategy,
                    "seed", &seed, "max_steps", &max_steps, "depth", &depth, "preemptions", &preemptions,
                    "points", &points, "shard", &shard, "shards", &shards, "keep_going", &keep_going) != 0 ||
        !strategy_offered(o->strategy) || shard < 1 || shards < shard)
        return -1;
    o->seed = (uint64_t)seed;
    o->max_steps = (uint64_t)max_steps;
    o->depth = (uint32_t)depth;
    o->preemptions = preemptions;
    o->points = (uint32_t)points;
    o->detect = (uint32_t)json_integer_value(json_object_get(json, "detect"));
    o->shard = (uint64_t)shard;
    o->shards = (uint64_t)shards;
    o->keep_going |= keep_going;
    if (lc_strategy_find(o->strategy)->sequential)
        o->jobs = 1;
    return 0;
}

/* The program as it was. */
static int read_program(struct program *program, const json_t *json, const char *directory)
{
    const char *path = json_string_value(json_object_get(json, "program_path"));
    const char *cwd = json_string_value(json_object_get(json, "cwd"));
    const char *build_id = json_string_value(json_object_get(json, "build_id"));
    const json_t *arguments = json_object_get(json, "program");
    size_t count = json_array_size(arguments);
    bool good = path && cwd && build_id && count;
    for (size_t i = 0; i < count; i++)
        good = good && json_is_string(json_array_get(arguments, i));
    if (!good) {
        complain("%s/" STATE_FILE ": the program is missing", directory);
        return -1;
    }
    *program = (struct program){.path = copy_text(path), .cwd = copy_text(cwd)};
    snprintf(program->build_id, sizeof program->build_id, "%s", build_id);
    program->argv = allocate((count + 1) * sizeof *program->argv);
    for (size_t i = 0; i < count; i++)
        program->argv[i] = copy_text(json_string_value(json_array_get(arguments, i)));
    return 0;
}

/* Complains when the program is not what it was. */
static int open_program(struct program *program, const char *directory)
{
    struct program now = {0};
    if (program_open(&now, program->path, program->argv, program->cwd) != 0)
        return -1;
    bool same = strcmp(now.build_id, program->build_id) == 0;
    if (!same)
        complain("%s explored another build of %s (build id %s, now %s), where schedules have other numbers",
                 directory, program->path, program->build_id, now.build_id);
    program_free(same ? program : &now);
    if (same)
        *program = now;
    return same ? 0 : -1;
}

/* The execution of a schedule file, as it was found. */
static int read_finding(struct group *group, const json_t *json, const char *directory)
{
    const char *id = json_string_value(json_object_get(json, "id"));
    const char *name = json_string_value(json_object_get(json, "schedule"));
    if (!id || !name)
        return -1;
    char *path = print_text("%s/%s", directory, name);
    struct schedule schedule;
    size_t length;
    char *text = read_whole_file(path, &length);
    char *wrong = text ? schedule_parse(&schedule, text, length) : copy_text(read_problem(errno));
    free(text);
    if (wrong) {
        complain("%s: %s", path, wrong);
        free(wrong);
        free(path);
        return -1;
    }
    free(path);
    json_int_t suppression = json_integer_value(json_object_get(json, "suppression"));
    *group = (struct group){.id = copy_text(id),
                            .known = true,
                            .saved = schedule.number + 1,
                            .suppression = (size_t)(suppression > 0 ? suppression : 0)};
    group->first = (struct execution){.ending = ENDING_FINDING,
                                      .schedule = schedule.number,
                                      .seed = schedule.seed,
                                      .points = schedule.points,
                                      .detect = schedule.detect,
                                      .earlier = schedule.earlier,
                                      .report = (uint32_t)schedule.report,
                                      .passed_count = (uint32_t)schedule.passed,
                                      .sleepers = (uint32_t)schedule.sleepers,
                                      .steps = schedule.steps,
                                      .hash = schedule.hash,
                                      .summary = copy_text(""),
                                      .decisions = schedule.decisions,
                                      .decisions_bytes = schedule.decisions_bytes,
                                      .seconds = json_number_value(json_object_get(json, "seconds"))};
    snprintf(group->first.kind, sizeof group->first.kind, "%s", schedule.kind);
    schedule.decisions = NULL;
    schedule_free(&schedule);
    return 0;
}

/* Descriptions of findings that were written with the state. */
static void read_descriptions(struct hunt *hunt, const char *directory)
{
    char *problem;
    json_t *json = results_read(directory, &problem), *finding;
    free(problem); /* without it the evidence is taken anew */
    size_t k;
    json_array_foreach(json_object_get(json, "findings"), k, finding)
    {
        const char *schedule = json_string_value(json_object_get(finding, "schedule"));
        for (size_t i = 0; schedule && i < hunt->group_count; i++) {
            char *name = results_schedule_name(&hunt->groups[i].first);
            if (strcmp(name, schedule) == 0 && !hunt->groups[i].description)
                hunt->groups[i].description = json_incref(finding);
            free(name);
        }
    }
    json_decref(json);
}

static int read_findings(struct hunt *hunt, const json_t *json, const char *directory)
{
    json_t *list = json_object_get(json, "findings"), *finding;
    size_t i;
    hunt->groups = allocate(json_array_size(list) * sizeof *hunt->groups);
    json_array_foreach(list, i, finding)
    {
        if (read_finding(&hunt->groups[i], finding, directory) != 0)
            return -1;
        hunt->group_count++;
        if (hunt->groups[i].suppression > hunt->suppressions.count) {
            complain("%s/" STATE_FILE ": this is not the state of an exploration", directory);
            return -1;
        }
    }
    read_descriptions(hunt, directory);
    return 0;
}

/* The last number when that many more are to be explored. Those that were explored before one with a lower
 * number had come to its end, and wait to be summed up, do not count. All before them is explored in any
 * case: what they have shown is not to be lost. */
static uint64_t last_of(const struct tally *tally, uint64_t more)
{
    if (more >= INT64_MAX - tally->next)
        return UINT64_MAX;
    uint64_t last = tally->next - 1 + more;
    for (size_t i = 0; i < tally->waiting_count && tally->waiting[i].schedule <= last; i++)
        last += tally->stride;
    return last > tally_last_waiting(tally) ? last : tally_last_waiting(tally);
}

/* What is given now counts from here; else the rest of what there was. */
static int set_budget(struct hunt *hunt, const json_t *json, const char *directory)
{
    struct options *o = &hunt->options;
    const json_t *last = json_object_get(json, "last"), *limit = json_object_get(json, "limit");
    if (o->budget_given) {
        o->schedules = last_of(&hunt->tally, o->schedules);
        o->seconds += hunt->seconds_before;
    } else {
        o->schedules = json_is_integer(last) ? (uint64_t)json_integer_value(last) : UINT64_MAX;
        o->seconds = json_is_number(limit) ? json_number_value(limit) : (double)INFINITY;
        if (hunt->tally.next > o->schedules || hunt->seconds_before >= o->seconds) {
            complain("the budget of the run in %s is used up; --schedules or --time gives it more",
                     directory);
            return -1;
        }
    }
    hunt->last = o->schedules;
    hunt->next = hunt->tally.next;
    while (tally_waits(&hunt->tally, hunt->next))
        hunt->next += hunt->tally.stride;
    return 0;
}

/* What the strategy keeps between schedules is gone with the process: it begins again. */
static void begin_again(struct hunt *hunt)
{
    warn("strategy %s goes through its schedules in an order that begins anew", hunt->options.strategy);
    tally_free(&hunt->tally);
    tally_init(&hunt->tally, 1, 1);
    while (hunt->group_count)
        group_free(&hunt->groups[--hunt->group_count]);
}

int state_load(struct hunt *hunt, const char *directory)
{
    json_t *json = hunt->resumed = state_read(directory);
    if (!json)
        return -1;
    hunt->seconds_before = json_number_value(json_object_get(json, "seconds"));
    hunt->own_suppressions_read = true; /* with the others */
    if (read_options(&hunt->options, json) != 0 ||
        suppressions_restore(&hunt->suppressions, json_object_get(json, "suppressions")) != 0 ||
        tally_parse(&hunt->tally, json_object_get(json, "tally")) != 0) {
        complain("%s/" STATE_FILE ": this is not the state of an exploration", directory);
        return -1;
    }
    hunt->exhausted = json_is_true(json_object_get(json, "exhausted"));
    return read_program(&hunt->program, json, directory) == 0 && read_findings(hunt, json, directory) == 0
               ? 0
               : -1;
}

int state_resume(struct hunt *hunt, const char *directory)
{
    if (state_load(hunt, directory) != 0)
        return -1;
    if (hunt->exhausted) {
        complain("there is nothing to go on with: the run in %s left nothing to explore", directory);
        return -1;
    }
    if (open_program(&hunt->program, directory) != 0)
        return -1;
    if (lc_strategy_find(hunt->options.strategy)->sequential)
        begin_again(hunt);
    return set_budget(hunt, hunt->resumed, directory);
}
