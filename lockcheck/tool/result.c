/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing results: see result.h. */
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/schedule.h"
#include "lockcheck/tool/state.h"
#include "lockcheck/tool/steps.h"
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK ".lockcheck"
#define MARK_TEXT                                                                                            \
    "This directory holds results of lockcheck; the next command that writes here replaces them.\n"
#define RESULT "result.json"
#define TEMPORARY ".new" /* what a file is called after its name until it is whole */

/* NNNN and one of our suffixes, at least four digits; perhaps with -N or +N after them, see result.h. */
static bool is_numbered(const char *name, const char *suffix)
{
    size_t digits = strspn(name, "0123456789"), more = 0;
    if (name[digits] == '-' || name[digits] == '+')
        more = 1 + strspn(name + digits + 1, "0123456789");
    return digits >= 4 && more != 1 && strcmp(name + digits + more, suffix) == 0;
}

static bool is_schedule(const char *name)
{
    return is_numbered(name, ".schedule") || is_numbered(name, ".short.schedule");
}

/* What comes with a schedule. */
static bool is_of_schedule(const char *name)
{
    return is_numbered(name, ".output") || is_numbered(name, ".steps.json");
}

static bool is_ours(const char *name)
{
    char *whole = copy_text(name);
    size_t length = strlen(whole);
    if (length > strlen(TEMPORARY) && strcmp(whole + length - strlen(TEMPORARY), TEMPORARY) == 0)
        whole[length - strlen(TEMPORARY)] = 0;
    bool ours = strcmp(whole, MARK) == 0 || strcmp(whole, RESULT) == 0 || strcmp(whole, STATE_FILE) == 0 ||
                is_schedule(whole) || is_of_schedule(whole);
    free(whole);
    return ours;
}

json_t *results_read(const char *directory, char **problem)
{
    char *path = print_text("%s/" RESULT, directory);
    size_t length;
    json_error_t error;
    char *text = read_whole_file(path, &length);
    json_t *json = text ? json_loadb(text, length, 0, &error) : NULL;
    *problem = NULL;
    if (!text)
        *problem = print_text("%s: %s", path, read_problem(errno));
    else if (!json)
        *problem = print_text("%s: line %d: %s", path, error.line, error.text);
    else if (!json_is_integer(json_object_get(json, "version")) ||
             !json_is_string(json_object_get(json, "verdict")))
        *problem = print_text("%s: these are no results of lockcheck", path);
    if (*problem) {
        json_decref(json);
        json = NULL;
    }
    free(text);
    free(path);
    return json;
}

static bool is_our_result(const char *directory)
{
    char *problem;
    json_t *json = results_read(directory, &problem);
    bool ours = json != NULL;
    json_decref(json);
    free(problem);
    return ours;
}

/* Writes, synchronises if asked to and renames. Returns 0 or -1 with errno. */
static int write_path(const char *path, const char *content, size_t length, bool synchronise)
{
    struct stat there;
    bool file = stat(path, &there) != 0 || S_ISREG(there.st_mode); /* a device is not to be replaced by one */
    char *temporary = file ? print_text("%s" TEMPORARY, path) : copy_text(path);
    int fd = open(temporary, O_WRONLY | (file ? O_CREAT : 0) | O_TRUNC | O_CLOEXEC, 0666);
    int result = fd < 0 ? -1 : 0;
    for (size_t at = 0; result == 0 && at < length;) {
        ssize_t n = write(fd, content + at, length - at);
        if (n >= 0)
            at += (size_t)n;
        else if (errno != EINTR)
            result = -1;
    }
    if (result == 0 && synchronise && file && fsync(fd) != 0)
        result = -1;
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && result == 0) {
        result = -1;
        error = errno;
    }
    if (result == 0 && file && rename(temporary, path) != 0) {
        result = -1;
        error = errno;
    }
    if (result != 0 && fd >= 0 && file)
        unlink(temporary);
    free(temporary);
    errno = error;
    return result;
}

int results_write_file(const char *path, const char *content, size_t length)
{
    return write_path(path, content, length, true);
}

static int write_file(const char *directory, const char *name, const char *content, size_t length,
                      bool synchronise)
{
    char *path = print_text("%s/%s", directory, name);
    int result = write_path(path, content, length, synchronise), error = errno;
    free(path);
    errno = error;
    return result;
}

/* The descriptor stays open: its lock keeps others away until the command ends, in whatever way. A file
 * system without locks goes without. */
static int lock_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    close(fd);
    complain("another lockcheck is writing its results to %s; name another directory with --out", directory);
    return -1;
}

int results_check_idle(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool busy = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (busy)
        complain("another lockcheck is writing its results to %s; wait until it has ended", directory);
    if (fd >= 0)
        close(fd);
    return busy ? -1 : 0;
}

int results_open(const char *directory)
{
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        complain("cannot make the directory %s: %s", directory, strerror(errno));
        return -1;
    }
    DIR *listing = opendir(directory);
    if (!listing) {
        complain("%s: %s; --out names the directory for results", directory, strerror(errno));
        return -1;
    }
    if (lock_directory(directory) != 0) {
        closedir(listing);
        return -1;
    }
    bool marked = is_our_result(directory), empty = true;
    char *foreign = NULL;
    for (struct dirent *entry; (entry = readdir(listing));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        empty = false;
        if (strcmp(entry->d_name, MARK) == 0)
            marked = true;
        if (!foreign && !is_ours(entry->d_name))
            foreign = copy_text(entry->d_name);
    }
    closedir(listing);
    bool refused = foreign || !(marked || empty);
    if (refused)
        complain("%s holds something that is not lockcheck's%s%s; name another directory with --out",
                 directory, foreign ? ": " : "", foreign ? foreign : "");
    else if (!marked && write_file(directory, MARK, MARK_TEXT, strlen(MARK_TEXT), true) != 0) {
        complain("cannot write to %s: %s", directory, strerror(errno));
        refused = true;
    }
    free(foreign);
    return refused ? -1 : 0;
}

void results_init(struct results *results)
{
    *results = (struct results){.json = json_object()};
}

void results_free(struct results *results)
{
    for (size_t i = 0; i < results->count; i++) {
        free(results->files[i].name);
        free(results->files[i].content);
    }
    free(results->files);
    json_decref(results->json);
    *results = (struct results){0};
}

void results_add_file(struct results *results, char *name, char *content, size_t length)
{
    results->files = reallocate(results->files, (results->count + 1) * sizeof *results->files);
    results->files[results->count++] = (struct results_file){name, content, length};
}

static char *numbered(const struct execution *execution, const char *suffix)
{
    uint64_t number = execution->schedule;
    return execution->report ? print_text("%04" PRIu64 "-%u%s", number, execution->report, suffix)
           : execution->passed_count
               ? print_text("%04" PRIu64 "+%u%s", number, execution->passed_count, suffix)
               : print_text("%04" PRIu64 "%s", number, suffix);
}

char *results_schedule_name(const struct execution *execution)
{
    return numbered(execution, ".schedule");
}

char *results_short_name(const struct execution *execution)
{
    return numbered(execution, ".short.schedule");
}

char *results_schedule_text(const struct program *program, const struct execution *execution,
                            const char *strategy, size_t *length)
{
    struct schedule schedule = {
        .program = program->path,
        .argv = program->argv,
        .cwd = program->cwd,
        .build_id = (char *)program->build_id,
        .seed = execution->seed,
        .strategy = (char *)strategy,
        .number = execution->schedule,
        .sleepers = execution->sleepers,
        .points = execution->points,
        .detect = execution->detect,
        .earlier = execution->earlier,
        .report = execution->ending == ENDING_FINDING ? execution->report : 0,
        .passed = execution->passed_count,
        .kind = (char *)execution->kind,
        .steps = execution->steps,
        .hash = execution->hash,
        .decisions = execution->decisions,
        .decisions_bytes = execution->decisions_bytes,
    };
    return schedule_print(&schedule, length);
}

const char *results_add_schedule(struct results *results, const struct program *program,
                                 const struct execution *execution, const char *strategy)
{
    size_t length;
    char *text = results_schedule_text(program, execution, strategy, &length);
    if (!text)
        return NULL;
    results_add_file(results, results_schedule_name(execution), text, length);
    return results->files[results->count - 1].name;
}

const char *results_add_output(struct results *results, const struct execution *execution, char *content,
                               size_t length)
{
    results_add_file(results, numbered(execution, ".output"), content, length);
    return results->files[results->count - 1].name;
}

void results_add_steps(struct results *results, json_t *description, struct evidence_reader *reader,
                       const struct execution *execution)
{
    size_t length;
    char *text = steps_print(reader, execution, json_object_get(description, "notes"), &length);
    char *name = text ? numbered(execution, ".steps.json") : NULL;
    json_object_set_new(description, "steps_file", name ? json_string(name) : json_null());
    if (text)
        results_add_file(results, name, text, length);
}

void results_add_given_up(struct results *results, uint64_t schedules)
{
    char *summary =
        print_text("%" PRIu64 " of %" PRIu64 " schedules were given up at the limit of steps, which "
                   "--steps sets, or for want of room",
                   schedules, schedules);
    json_object_set_new(results->json, "error", json_pack("{s:s, s:s}", "kind", "limit", "summary", summary));
    free(summary);
}

static json_t *hexadecimal(uint64_t value)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, value);
    return json_string(text);
}

void results_set_head(struct results *results, const struct results_head *head)
{
    json_t *argv = json_array();
    for (char **argument = head->program->argv; *argument; argument++)
        json_array_append_new(argv, json_string(*argument));
    json_t *json = json_pack("{s:i, s:s, s:s, s:o, s:s, s:s, s:s}", "version", 1, "verdict", head->verdict,
                             "command", head->command, "program", argv, "program_path", head->program->path,
                             "build_id", head->program->build_id, "cwd", head->program->cwd);
    json_object_set_new(json, "strategy", json_string(head->strategy));
    json_object_set_new(json, "seed", json_integer((json_int_t)head->seed));
    json_object_set_new(json, "schedules", json_integer((json_int_t)head->schedules));
    json_object_set_new(json, "steps", json_integer((json_int_t)head->steps));
    json_object_set_new(json, "truncated", json_integer((json_int_t)head->truncated));
    json_object_set_new(json, "seconds", json_real(head->seconds));
    json_object_set_new(json, "execution_hash", hexadecimal(head->hash));
    json_object_set_new(json, "interrupted", json_boolean(head->interrupted));
    json_object_set_new(json, "unfinished", json_boolean(head->unfinished));
    if (head->shards) {
        json_object_set_new(json, "cut", json_integer((json_int_t)head->cut));
        json_object_set_new(json, "executions", json_integer((json_int_t)(head->schedules - head->cut)));
        json_object_set_new(json, "distinct", json_integer((json_int_t)head->distinct));
        json_object_set_new(json, "distinct_exact", json_boolean(head->distinct_exact));
        json_object_set_new(json, "complete", json_boolean(head->complete));
        json_object_set_new(json, "left_out", head->left_out ? json_string(head->left_out) : json_null());
        json_object_set_new(json, "shard",
                            json_pack("[I, I]", (json_int_t)head->shard, (json_int_t)head->shards));
    }
    /* The head comes first in the file; what is there already follows. */
    json_object_update_missing(json, results->json);
    json_decref(results->json);
    results->json = json;
}

json_t *results_describe(struct evidence_reader *reader, const struct execution *execution, uint64_t count,
                         const char *schedule_name, const char *output_name)
{
    json_t *description = evidence_describe(reader, execution), *json = json_object();
    char *id = evidence_identify(reader, execution, true);
    json_object_set_new(json, "id", json_string(id));
    json_object_set_new(json, "kind", json_string(execution->kind));
    json_object_set(json, "summary", json_object_get(description, "summary"));
    json_object_set_new(json, "count", json_integer((json_int_t)count));
    json_object_set_new(json, "first_schedule", json_integer((json_int_t)execution->schedule));
    json_object_set_new(json, "seconds", json_real(execution->seconds));
    json_object_set_new(json, "steps", json_integer((json_int_t)execution->steps));
    json_object_set_new(json, "virtual_ns", json_integer((json_int_t)execution->virtual_ns));
    json_object_set_new(json, "schedule", schedule_name ? json_string(schedule_name) : json_null());
    json_object_set_new(json, "output", output_name ? json_string(output_name) : json_null());
    json_object_set_new(json, "execution_hash", hexadecimal(execution->hash));
    if (execution->ending == ENDING_FINDING) {
        char *block = suppression_print(reader, execution);
        json_object_set_new(json, "suppression", json_string(block));
        free(block);
    }
    json_object_update_missing(json, description);
    json_decref(description);
    free(id);
    return json;
}

/* Prints the stacks of the threads in that state. Returns whether there are any. */
static bool complain_of_threads(const json_t *error, const char *state)
{
    size_t i, k;
    json_t *thread, *frame;
    bool any = false;
    json_array_foreach(json_object_get(error, "threads"), i, thread)
    {
        const json_t *stack = json_object_get(thread, "stack");
        if (strcmp(json_string_value(json_object_get(thread, "state")), state) != 0 ||
            !json_array_size(stack))
            continue;
        any = true;
        fprintf(stderr, "  in %s:\n", json_string_value(json_object_get(thread, "name")));
        json_array_foreach(stack, k, frame) fprintf(stderr, "    %s\n", json_string_value(frame));
    }
    return any;
}

void results_complain(const json_t *error)
{
    complain("%s: %s", json_string_value(json_object_get(error, "kind")),
             json_string_value(json_object_get(error, "summary")));
    if (!complain_of_threads(error, "running"))
        complain_of_threads(error, "blocked");
}

/* Returns 0 or -1 with errno. */
static int write_all(const struct results *results, const char *directory, const char *json, bool synchronise)
{
    if (write_file(directory, MARK, MARK_TEXT, strlen(MARK_TEXT), synchronise) != 0)
        return -1;
    for (size_t i = 0; i < results->count; i++)
        if (write_file(directory, results->files[i].name, results->files[i].content, results->files[i].length,
                       synchronise) != 0)
            return -1;
    return write_file(directory, RESULT, json, strlen(json), synchronise);
}

static char *print_result(const struct results *results)
{
    char *dumped = json_dumps(results->json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    char *json = print_text("%s\n", dumped ? dumped : "{}");
    free(dumped);
    return json;
}

int results_save(const struct results *results, const char *directory)
{
    char *json = print_result(results);
    int result = write_all(results, directory, json, false), error = errno;
    free(json);
    errno = error;
    return result;
}

static bool is_new(const struct results *results, const char *name)
{
    if (strcmp(name, MARK) == 0 || strcmp(name, RESULT) == 0)
        return true;
    for (size_t i = 0; i < results->count; i++)
        if (strcmp(results->files[i].name, name) == 0)
            return true;
    return false;
}

static void remove_older(const struct results *results, const char *directory, bool keep_schedules)
{
    DIR *listing = opendir(directory);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        const char *name = entry->d_name;
        bool kept =
            keep_schedules && (is_schedule(name) || is_of_schedule(name) || strcmp(name, STATE_FILE) == 0);
        if (is_ours(name) && !is_new(results, name) && !kept)
            unlinkat(dirfd(listing), name, 0);
    }
    if (listing)
        closedir(listing);
}

int results_write(const struct results *results, const char *directory, bool keep_schedules, char **written)
{
    char *json = print_result(results);
    *written = NULL;
    int result = write_all(results, directory, json, true);
    if (result == 0) {
        remove_older(results, directory, keep_schedules);
        *written = copy_text(directory);
    } else {
        const char *reason = strerror(errno);
        const char *elsewhere = getenv("TMPDIR");
        char *other = print_text("%s/lockcheck-XXXXXX", elsewhere && *elsewhere ? elsewhere : "/tmp");
        if (mkdtemp(other) && write_all(results, other, json, true) == 0) {
            complain("cannot write the results to %s: %s; they are in %s instead", directory, reason, other);
            *written = copy_text(other);
        } else {
            complain("cannot write the results to %s: %s; nor to %s: %s", directory, reason, other,
                     strerror(errno));
        }
        free(other);
    }
    free(json);
    return result;
}
