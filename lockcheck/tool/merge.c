/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining results: see merge.h. */
#include "lockcheck/tool/merge.h"
#include "lockcheck/strategy/strategy.h"
#include "lockcheck/tool/hunt.h"
#include "lockcheck/tool/report.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/state.h"
#include "lockcheck/tool/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COMMAND "merge"
#define EXPECTED "merge takes directories of results of explore"

/* One of the directories. */
struct part {
    const char *directory;
    struct stat stat;
    struct hunt hunt; /* as its state says */
    json_t *result;   /* its result.json */
};

/* A finding of a part. */
struct found {
    const struct part *part;
    const struct group *group;
    uint64_t count;
};

struct merge {
    struct part *parts; /* in an order of their own, see by_search() */
    size_t count;
    struct tally tally;
    double seconds;
    struct found *found; /* that with the lowest number first */
    size_t found_count;
    struct results results;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static bool is_true(const struct part *part, const char *key)
{
    return json_is_true(json_object_get(part->result, key));
}

/* ---- reading ---- */

static int refuse(const char *directory, const char *why)
{
    complain("%s: %s; " EXPECTED, directory, why);
    return -1;
}

/* The result.json of a part. Returns 0, or -1 after saying what is wrong. */
static int read_result(struct part *part)
{
    if (stat(part->directory, &part->stat) != 0)
        return refuse(part->directory, strerror(errno));
    if (!S_ISDIR(part->stat.st_mode))
        return refuse(part->directory, "not a directory");
    if (results_check_idle(part->directory) != 0)
        return -1;
    char *problem;
    part->result = results_read(part->directory, &problem);
    if (!part->result) {
        complain("%s; " EXPECTED, problem);
        free(problem);
        return -1;
    }
    const char *command = text_of(part->result, "command");
    if (strcmp(command, COMMAND) == 0)
        return refuse(part->directory, "merged results, whose parts are to be merged instead");
    if (strcmp(command, "explore") != 0)
        return refuse(part->directory, "not the results of an exploration");
    return 0;
}

static int read_part(struct part *part, const char *directory)
{
    part->directory = directory;
    if (read_result(part) != 0 || state_load(&part->hunt, directory) != 0)
        return -1;
    if (is_true(part, "unfinished"))
        warn("%s: the search was killed; what it had come to by then is merged", directory);
    else
        tally_settle(&part->hunt.tally); /* as in its result.json */
    return 0;
}

static void part_free(struct part *part)
{
    struct hunt *hunt = &part->hunt;
    while (hunt->group_count)
        group_free(&hunt->groups[--hunt->group_count]);
    free(hunt->groups);
    tally_free(&hunt->tally);
    suppressions_free(&hunt->suppressions);
    program_free(&hunt->program);
    json_decref(hunt->resumed);
    json_decref(part->result);
}

/* ---- what may be merged ---- */

static bool is_sequential(const struct options *options)
{
    return lc_strategy_find(options->strategy)->sequential;
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Which schedule a number stands for depends on these. That of a sequential strategy follows from those
 * before it, not from the seed. */
static int compare_searches(const struct options *a, const struct options *b)
{
    int order = is_sequential(a) && is_sequential(b) ? 0 : compare(a->seed, b->seed);
    if (!order)
        order = strcmp(a->strategy, b->strategy);
    if (!order)
        order = compare(a->depth, b->depth);
    return order ? order : compare((uint64_t)a->preemptions, (uint64_t)b->preemptions);
}

static int by_search(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    int order = compare_searches(&x->hunt.options, &y->hunt.options);
    if (!order)
        order = compare(x->hunt.options.shards, y->hunt.options.shards);
    if (!order)
        order = compare(x->hunt.options.shard, y->hunt.options.shard);
    return order ? order : strcmp(x->directory, y->directory);
}

/* The lowest schedule that both have explored, 0 when there is none. */
static uint64_t common_schedule(const struct hunt *a, const struct hunt *b)
{
    if (compare_searches(&a->options, &b->options) != 0)
        return 0;
    uint64_t number = a->options.shard;
    for (uint64_t i = 0; i < b->options.shards && number < a->tally.next; i++, number += a->options.shards)
        if (number >= b->options.shard && (number - b->options.shard) % b->options.shards == 0)
            return number < b->tally.next ? number : 0;
    return 0;
}

/* The arguments, without the name by which the program was called. */
static bool same_arguments(char *const *a, char *const *b)
{
    while (*++a && *++b)
        if (strcmp(*a, *b) != 0)
            return false;
    return !*a && !(*b && *++b);
}

/* What keeps two of them from being merged, a phrase about the second; NULL: nothing. */
static char *objection_to(const struct part *first, const struct part *second)
{
    const struct hunt *a = &first->hunt, *b = &second->hunt;
    if (first->stat.st_dev == second->stat.st_dev && first->stat.st_ino == second->stat.st_ino)
        return copy_text("is given twice");
    if (strcmp(a->program.build_id, b->program.build_id) != 0)
        return print_text("explored %s (build id %s), and %s explored %s (build id %s): another build or "
                          "program",
                          b->program.path, b->program.build_id, first->directory, a->program.path,
                          a->program.build_id);
    if (!same_arguments(a->program.argv, b->program.argv))
        return print_text("explored the program with other arguments than %s", first->directory);
    if (a->options.points != b->options.points || a->options.detect != b->options.detect)
        return print_text("explored with another --%s than %s",
                          a->options.points != b->options.points ? "points" : "detect", first->directory);
    uint64_t common = common_schedule(a, b);
    if (common)
        return print_text("and %s both explored schedule %" PRIu64 " of seed %" PRIu64
                          " with strategy %s, and nothing may count twice",
                          first->directory, common, b->options.seed, b->options.strategy);
    return NULL;
}

static int check_parts(const struct merge *merge)
{
    for (size_t i = 0; i < merge->count; i++)
        for (size_t k = 0; k < i; k++) {
            char *objection = objection_to(&merge->parts[k], &merge->parts[i]);
            if (!objection)
                continue;
            complain("%s %s", merge->parts[i].directory, objection);
            free(objection);
            return -1;
        }
    return 0;
}

/* Writing removes older results. */
static int check_out(const struct merge *merge, const char *out)
{
    struct stat stat_of_out;
    if (stat(out, &stat_of_out) != 0)
        return 0;
    for (size_t i = 0; i < merge->count; i++) {
        const struct stat *st = &merge->parts[i].stat;
        if (st->st_dev == stat_of_out.st_dev && st->st_ino == stat_of_out.st_ino) {
            complain("the merged results would replace those of %s; name another directory with --out",
                     merge->parts[i].directory);
            return -1;
        }
    }
    return 0;
}

/* ---- files ---- */

/* A name with that stem is taken. */
static bool is_taken(const struct results *results, const char *stem)
{
    size_t length = strlen(stem);
    for (size_t i = 0; i < results->count; i++)
        if (strncmp(results->files[i].name, stem, length) == 0 && results->files[i].name[length] == '.')
            return true;
    return false;
}

/* A stem that is not taken, for files that were called `name`; the caller frees it. */
static char *free_stem(const struct results *results, const char *name)
{
    size_t digits = strspn(name, "0123456789");
    char *stem = print_text("%.*s", (int)strcspn(name, "."), name);
    for (unsigned i = 1; is_taken(results, stem); i++) {
        free(stem);
        stem = print_text("%.*s-%u", (int)digits, name, i);
    }
    return stem;
}

/* Copies the file that a member of a description names, if it does, and corrects the name. Returns 0, or -1
 * after saying what is wrong. */
static int copy_file(struct results *results, const struct part *part, json_t *description, const char *key,
                     const char *stem)
{
    const char *name = json_string_value(json_object_get(description, key));
    if (!name)
        return 0;
    char *path = print_text("%s/%s", part->directory, name);
    size_t length;
    char *content = read_whole_file(path, &length);
    if (!content)
        complain("%s: %s", path, read_problem(errno));
    free(path);
    if (!content)
        return -1;
    char *ours = print_text("%s%s", stem, name + strcspn(name, "."));
    json_object_set_new(description, key, json_string(ours));
    results_add_file(results, ours, content, length);
    return 0;
}

/* Copies the files of a finding, an error or a suppression. */
static int copy_files(struct results *results, const struct part *part, json_t *description)
{
    static const char *const keys[] = {"schedule", "short_schedule", "output", "steps_file"};
    const char *schedule = json_string_value(json_object_get(description, "schedule"));
    if (!schedule)
        return 0;
    char *stem = free_stem(results, schedule);
    int result = 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && result == 0; i++)
        result = copy_file(results, part, description, keys[i], stem);
    free(stem);
    return result;
}

/* ---- findings ---- */

static uint64_t count_of(const struct hunt *hunt, size_t group)
{
    uint64_t count = tally_found(&hunt->tally, (uint32_t)group + 1);
    return count ? count : 1; /* before the checkpoint, or not summed up yet */
}

/* Schedules of equal numbers are of different searches, in whose order the array of the parts is. */
static int by_first_schedule(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int order = compare(x->group->first.report != 0, y->group->first.report != 0);
    if (!order)
        order = compare(x->group->first.schedule, y->group->first.schedule);
    if (!order)
        order = x->part < y->part ? -1 : x->part > y->part;
    return order ? order : group_compare(x->group, y->group);
}

/* The groups of all parts that are findings. Returns 0, or -1 after saying what is wrong. */
static int collect(struct merge *merge)
{
    size_t room = 0;
    for (size_t i = 0; i < merge->count; i++)
        room += merge->parts[i].hunt.group_count;
    merge->found = allocate(room * sizeof *merge->found);
    for (size_t i = 0; i < merge->count; i++) {
        const struct part *part = &merge->parts[i];
        const json_t *error = json_object_get(part->result, "error");
        for (size_t k = 0; k < part->hunt.group_count; k++) {
            const struct group *group = &part->hunt.groups[k];
            if (group->suppression)
                continue;
            if (!group->description && error) /* what did not replay is told as an error */
                continue;
            if (!group->description) {
                complain("%s was killed while it wrote its results; lockcheck explore --resume %s puts them "
                         "right",
                         part->directory, part->directory);
                return -1;
            }
            merge->found[merge->found_count++] = (struct found){part, group, count_of(&part->hunt, k)};
        }
    }
    if (merge->found_count)
        qsort(merge->found, merge->found_count, sizeof *merge->found, by_first_schedule);
    return 0;
}

/* The finding with that identifier among those added, or NULL. */
static json_t *finding_of(const json_t *findings, const char *id)
{
    size_t i;
    json_t *finding;
    json_array_foreach(findings, i, finding) if (strcmp(text_of(finding, "id"), id) == 0) return finding;
    return NULL;
}

/* What its number alone does not say. */
static void add_search(json_t *description, const struct part *part)
{
    json_object_set_new(description, "seed", json_integer((json_int_t)part->hunt.options.seed));
    json_object_set_new(description, "strategy", json_string(part->hunt.options.strategy));
}

static int add_findings(struct merge *merge)
{
    json_t *findings = json_array();
    json_object_set_new(merge->results.json, "findings", findings);
    for (size_t i = 0; i < merge->found_count; i++) {
        const struct found *found = &merge->found[i];
        json_t *finding = finding_of(findings, text_of(found->group->description, "id"));
        json_int_t before = json_integer_value(json_object_get(finding, "count"));
        if (!finding) {
            finding = json_deep_copy(found->group->description);
            json_array_append_new(findings, finding);
            add_search(finding, found->part);
            if (copy_files(&merge->results, found->part, finding) != 0)
                return -1;
        }
        json_object_set_new(finding, "count", json_integer(before + (json_int_t)found->count));
    }
    return 0;
}

/* ---- suppressions ---- */

static bool same_suppression(const json_t *a, const json_t *b)
{
    static const char *const keys[] = {"name", "source", "line", "own"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
            return false;
    return true;
}

/* Adds what one suppression of a part has matched to the list; `parts` says which part's schedule each item
 * has. */
static void add_suppression(json_t *list, const struct part **parts, const struct part *part, json_t *item)
{
    size_t i = 0;
    while (i < json_array_size(list) && !same_suppression(json_array_get(list, i), item))
        i++;
    json_t *known = json_array_get(list, i);
    if (!known) {
        json_array_append(list, item);
        parts[i] = part;
        return;
    }
    json_int_t count = json_integer_value(json_object_get(known, "count")) +
                       json_integer_value(json_object_get(item, "count"));
    const json_t *first = json_object_get(item, "first_schedule"),
                 *before = json_object_get(known, "first_schedule");
    if (json_is_integer(first) &&
        (!json_is_integer(before) || json_integer_value(first) < json_integer_value(before))) {
        json_object_update(known, item);
        parts[i] = part;
    }
    json_object_set_new(known, "count", json_integer(count));
}

/* What the suppressions of a part have matched, as conclude.c has it; new. */
static json_t *suppressions_of(const struct part *part)
{
    const struct hunt *hunt = &part->hunt;
    json_t *list = json_array();
    for (size_t i = 0; i < hunt->suppressions.count; i++)
        json_array_append_new(list, suppression_describe(&hunt->suppressions.list[i], 0, NULL));
    for (size_t i = 0; i < hunt->group_count; i++) {
        const struct group *group = &hunt->groups[i];
        if (group->suppression)
            json_array_set_new(list, group->suppression - 1,
                               suppression_describe(&hunt->suppressions.list[group->suppression - 1],
                                                    count_of(hunt, i), &group->first));
    }
    return list;
}

static int add_suppressions(struct merge *merge)
{
    json_t *list = json_array(), *item;
    json_int_t total = 0;
    size_t i, room = 0;
    int result = 0;
    for (i = 0; i < merge->count; i++)
        room += merge->parts[i].hunt.suppressions.count;
    const struct part **parts = allocate(room * sizeof *parts);
    for (size_t k = 0; k < merge->count; k++) {
        json_t *its = suppressions_of(&merge->parts[k]);
        json_array_foreach(its, i, item) add_suppression(list, parts, &merge->parts[k], item);
        json_decref(its);
    }
    json_array_foreach(list, i, item)
    {
        total += json_integer_value(json_object_get(item, "count"));
        if (result == 0)
            result = copy_files(&merge->results, parts[i], item);
    }
    free(parts);
    json_object_set_new(merge->results.json, "suppressed", json_integer(total));
    json_object_set_new(merge->results.json, "suppressions", list);
    return result;
}

/* ---- the whole ---- */

/* The search ended before its time, or before the time of its schedules, which is no error of the program's.
 */
static bool was_stopped(const json_t *error)
{
    const char *kind = text_of(error, "kind");
    return strcmp(kind, "interrupted") == 0 || strcmp(kind, "unfinished") == 0 || strcmp(kind, "limit") == 0;
}

/* The part with the error that is shown, NULL for none: one that says more than that a search was stopped,
 * and of these one because of which the verdict of the part is an error. */
static const struct part *part_in_error(const struct merge *merge)
{
    const struct part *chosen = NULL;
    int best = 0;
    for (size_t i = 0; i < merge->count; i++) {
        const json_t *error = json_object_get(merge->parts[i].result, "error");
        bool is_verdict = strcmp(text_of(merge->parts[i].result, "verdict"), "error") == 0;
        int weight = !error || was_stopped(error) ? 0 : is_verdict ? 2 : 1;
        if (weight > best) {
            chosen = &merge->parts[i];
            best = weight;
        }
    }
    return chosen;
}

static bool any_is(const struct merge *merge, const char *key)
{
    for (size_t i = 0; i < merge->count; i++)
        if (is_true(&merge->parts[i], key))
            return true;
    return false;
}

/* Nothing was found, but not all came to its end. */
static void add_stopped(struct merge *merge)
{
    const char *stopped = NULL;
    for (size_t i = 0; i < merge->count && !stopped; i++)
        if (is_true(&merge->parts[i], "interrupted") || is_true(&merge->parts[i], "unfinished"))
            stopped = merge->parts[i].directory;
    char *summary = print_text("nothing found in %" PRIu64 " schedule%s so far; "
                               "lockcheck explore --resume %s goes on with what did not come to its end",
                               merge->tally.schedules, plural(merge->tally.schedules), stopped);
    json_object_set_new(merge->results.json, "error",
                        json_pack("{s:s, s:s}", "kind",
                                  any_is(merge, "interrupted") ? "interrupted" : "unfinished", "summary",
                                  summary));
    free(summary);
}

/* Adds an error if there is one. Returns the exit code, or -1 after saying what is wrong. */
static int judge(struct merge *merge)
{
    const struct part *part = part_in_error(merge);
    bool found = merge->found_count > 0;
    if (part) {
        json_t *error = json_deep_copy(json_object_get(part->result, "error"));
        json_object_set_new(merge->results.json, "error", error);
        add_search(error, part);
        if (copy_files(&merge->results, part, error) != 0)
            return -1;
        if (strcmp(text_of(part->result, "verdict"), "error") == 0)
            return EXIT_UNCONTROLLED;
    }
    if (found)
        return EXIT_FINDING;
    if (any_is(merge, "interrupted") || any_is(merge, "unfinished"))
        add_stopped(merge);
    else if (tally_all_truncated(&merge->tally))
        results_add_given_up(&merge->results, merge->tally.truncated);
    else
        return EXIT_CLEAN;
    return EXIT_UNCONTROLLED;
}

/* "portfolio", or "pct, random" when they differ; the caller frees it. */
static char *strategies_of(const struct merge *merge)
{
    char *text = copy_text("");
    for (size_t i = 0; i < merge->count; i++) {
        const char *name = merge->parts[i].hunt.options.strategy;
        bool known = false;
        for (size_t k = 0; k < i; k++)
            known |= strcmp(merge->parts[k].hunt.options.strategy, name) == 0;
        if (known)
            continue;
        char *longer = print_text("%s%s%s", text, i ? ", " : "", name);
        free(text);
        text = longer;
    }
    return text;
}

/* Every shard of every search is there, so that the whole is no part of anything. */
static bool is_whole(const struct merge *merge)
{
    for (size_t i = 0; i < merge->count;) {
        const struct options *first = &merge->parts[i].hunt.options;
        uint64_t shard = 1;
        for (; i < merge->count && compare_searches(first, &merge->parts[i].hunt.options) == 0; i++, shard++)
            if (merge->parts[i].hunt.options.shard != shard ||
                merge->parts[i].hunt.options.shards != first->shards)
                return false;
        if (shard != first->shards + 1)
            return false;
    }
    return true;
}

/* What the widest of the searches that left nothing else to explore has left out. */
static const char *left_out(const struct merge *merge)
{
    const struct part *widest = NULL;
    for (size_t i = 0; i < merge->count; i++)
        if (json_is_string(json_object_get(merge->parts[i].result, "left_out")) &&
            (!widest || merge->parts[i].hunt.tally.schedules > widest->hunt.tally.schedules))
            widest = &merge->parts[i];
    return widest ? text_of(widest->result, "left_out") : NULL;
}

static int ascending(const void *a, const void *b)
{
    return compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

static json_t *describe_parts(const struct merge *merge)
{
    json_t *list = json_array();
    for (size_t i = 0; i < merge->count; i++) {
        const struct part *part = &merge->parts[i];
        const struct options *o = &part->hunt.options;
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:I, s:[I, I], s:I, s:s, s:b, s:b}", "directory", part->directory,
                      "strategy", o->strategy, "seed", (json_int_t)o->seed, "shard", (json_int_t)o->shard,
                      (json_int_t)o->shards, "schedules", (json_int_t)part->hunt.tally.schedules, "verdict",
                      text_of(part->result, "verdict"), "interrupted", (int)is_true(part, "interrupted"),
                      "unfinished", (int)is_true(part, "unfinished")));
    }
    return list;
}

/* Each once, the lowest first. */
static json_t *seeds_of(const struct merge *merge)
{
    uint64_t *seeds = allocate(merge->count * sizeof *seeds);
    for (size_t i = 0; i < merge->count; i++)
        seeds[i] = merge->parts[i].hunt.options.seed;
    qsort(seeds, merge->count, sizeof *seeds, ascending);
    json_t *list = json_array();
    for (size_t i = 0; i < merge->count; i++)
        if (i == 0 || seeds[i] != seeds[i - 1])
            json_array_append_new(list, json_integer((json_int_t)seeds[i]));
    free(seeds);
    return list;
}

static void set_head(struct merge *merge, int code)
{
    const struct part *first = &merge->parts[0];
    char *strategies = strategies_of(merge);
    bool complete = any_is(merge, "complete"); /* one of them has explored every interleaving by itself */
    json_object_set_new(merge->results.json, "merged", describe_parts(merge));
    json_object_set_new(merge->results.json, "seeds", seeds_of(merge));
    results_set_head(&merge->results,
                     &(struct results_head){
                         .command = COMMAND,
                         .verdict = code == EXIT_CLEAN     ? "clean"
                                    : code == EXIT_FINDING ? "finding"
                                                           : "error",
                         .program = &first->hunt.program,
                         .strategy = strategies,
                         .seed = first->hunt.options.seed,
                         .schedules = merge->tally.schedules,
                         .steps = merge->tally.steps,
                         .truncated = merge->tally.truncated,
                         .cut = merge->tally.cut,
                         .distinct = distinct_count(&merge->tally.distinct),
                         .distinct_exact = distinct_is_exact(&merge->tally.distinct),
                         .shard = 1,
                         .shards = 1,
                         .seconds = merge->seconds,
                         .hash = merge->found_count ? merge->found[0].group->first.hash : merge->tally.hash,
                         .interrupted = any_is(merge, "interrupted"),
                         .unfinished = any_is(merge, "unfinished"),
                         .complete = complete,
                         .left_out = complete ? NULL : left_out(merge),
                     });
    if (!is_whole(merge))
        json_object_set_new(merge->results.json, "shard", json_null());
    free(strategies);
}

static void print_verdict(const struct merge *merge, const char *directory)
{
    size_t findings = json_array_size(json_object_get(merge->results.json, "findings"));
    const struct tally *tally = &merge->tally;
    char *effort = print_text("%" PRIu64 " schedule%s, %" PRIu64 " step%s, %.1f s, from %zu director%s",
                              tally->schedules, plural(tally->schedules), tally->steps, plural(tally->steps),
                              merge->seconds, merge->count, merge->count == 1 ? "y" : "ies");
    if (findings)
        printf("lockcheck: %zu finding%s (%s)", findings, plural(findings), effort);
    else
        printf("lockcheck: nothing found (%s)", effort);
    printf("; everything is in %s\n", directory);
    free(effort);
}

/* Writes and prints it. Returns the exit code. */
static int conclude(struct merge *merge, int code, const struct options *options)
{
    const json_t *result = merge->results.json, *error = json_object_get(result, "error");
    char *written;
    if (results_write(&merge->results, options->out, false, &written) != 0)
        code = EXIT_USAGE;
    if (merge->found_count && written && !options->quiet)
        report_print(written, "text");
    if (error)
        results_complain(error);
    if (!options->quiet && written && (merge->found_count || !error))
        print_verdict(merge, written);
    if (!options->quiet)
        suppressions_print(json_object_get(result, "suppressions"));
    free(written);
    return code;
}

/* Returns the exit code. */
static int join(struct merge *merge, const struct options *options)
{
    for (size_t i = 0; i < merge->count; i++) {
        tally_join(&merge->tally, &merge->parts[i].hunt.tally);
        merge->seconds += merge->parts[i].hunt.seconds_before;
    }
    if (collect(merge) != 0 || add_findings(merge) != 0 || add_suppressions(merge) != 0)
        return EXIT_USAGE;
    int code = judge(merge);
    if (code < 0)
        return EXIT_USAGE;
    set_head(merge, code);
    return results_open(options->out) == 0 ? conclude(merge, code, options) : EXIT_USAGE;
}

int merge_command(const struct options *options)
{
    struct merge merge = {0};
    size_t given = 0;
    while (options->directories[given])
        given++;
    merge.parts = allocate(given * sizeof *merge.parts);
    results_init(&merge.results);
    while (merge.count < given &&
           read_part(&merge.parts[merge.count], options->directories[merge.count]) == 0)
        merge.count++;
    int code = EXIT_USAGE;
    if (merge.count == given) {
        qsort(merge.parts, merge.count, sizeof *merge.parts, by_search);
        if (check_parts(&merge) == 0 && check_out(&merge, options->out) == 0)
            code = join(&merge, options);
    }
    for (size_t i = 0; i < merge.count + (merge.count < given); i++)
        part_free(&merge.parts[i]);
    free(merge.parts);
    free(merge.found);
    tally_free(&merge.tally);
    results_free(&merge.results);
    return code;
}
