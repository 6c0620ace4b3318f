/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing and reading schedule files: see schedule.h for the format. */
#include "lockcheck/tool/schedule.h"
#include "lockcheck/tool/detectors.h"
#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define LINE_WIDTH 100
#define MAGIC "lockcheck-schedule"

static char *json_text(const char *text)
{
    json_t *value = json_string(text);
    char *encoded = json_dumps(value, JSON_ENCODE_ANY);
    json_decref(value);
    return encoded;
}

static int print_decisions(FILE *out, const uint8_t *decisions, size_t length)
{
    size_t column = 0;
    for (size_t at = 0; at < length;) {
        uint64_t thread, count;
        size_t used = lc_varint_get(decisions + at, length - at, &thread);
        at += used;
        size_t also = used ? lc_varint_get(decisions + at, length - at, &count) : 0;
        at += also;
        if (!also || count == 0)
            return -1;
        char token[48];
        size_t width = (size_t)snprintf(token, sizeof token, "%" PRIu64 "*%" PRIu64, thread, count);
        if (column && column + 1 + width > LINE_WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        if (column)
            fputc(' ', out);
        fputs(token, out);
        column += width + (column ? 1 : 0);
    }
    if (column)
        fputc('\n', out);
    return 0;
}

char *schedule_print(const struct schedule *schedule, size_t *length)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    json_t *argv = json_array();
    for (char **argument = schedule->argv; *argument; argument++)
        json_array_append_new(argv, json_string(*argument));
    char *program = json_text(schedule->program), *cwd = json_text(schedule->cwd),
         *list = json_dumps(argv, 0);
    fprintf(out, MAGIC " %d\n", SCHEDULE_FILE_VERSION);
    fprintf(out, "program: %s\nargv: %s\ncwd: %s\nbuild-id: %s\n", program, list, cwd, schedule->build_id);
    fprintf(out, "seed: %" PRIu64 "\nstrategy: %s\nschedule: %" PRIu64 "\n", schedule->seed,
            schedule->strategy, schedule->number);
    if (schedule->sleepers)
        fprintf(out, "sleepers: %" PRIu64 "\n", schedule->sleepers);
    if (schedule->points != LC_POINTS_SYNC)
        fprintf(out, "points: %s\n", schedule->points == LC_POINTS_MEMORY ? "memory" : "auto");
    char *detectors = detectors_print(schedule->detect);
    if (schedule->detect)
        fprintf(out, "detect: %s\n", detectors);
    free(detectors);
    if (schedule->report)
        fprintf(out, "report: %" PRIu64 "\n", schedule->report);
    if (schedule->passed)
        fprintf(out, "passed: %" PRIu64 "\n", schedule->passed);
    if (schedule->earlier.when)
        fprintf(out, "earlier: %" PRIx64 " %" PRIx64 "\n", schedule->earlier.when, schedule->earlier.pc);
    fprintf(out, "kind: %s\n", schedule->kind);
    fprintf(out, "steps: %" PRIu64 "\nexecution-hash: %016" PRIx64 "\ndecisions:\n", schedule->steps,
            schedule->hash);
    free(program);
    free(cwd);
    free(list);
    json_decref(argv);
    int bad = print_decisions(out, schedule->decisions, schedule->decisions_bytes);
    fflush(out);
    fprintf(out, "end crc32=%08lx\n", crc32_z(0, (const unsigned char *)text, size));
    if (fclose(out) != 0 || bad) {
        free(text);
        return NULL;
    }
    *length = size;
    return text;
}

/* Reading: a cursor over the lines of the text. */
struct reader {
    const char *text;
    size_t length;
    size_t at;     /* start of the next line */
    unsigned line; /* number of the current line, from 1 */
    char *current; /* the current line without its line feed, NUL-terminated */
    char *error;   /* the first thing that is wrong */
};

static bool fail(struct reader *reader, const char *what)
{
    if (!reader->error)
        reader->error = print_text("line %u: %s", reader->line, what);
    return false;
}

static bool next_line(struct reader *reader)
{
    reader->line++;
    if (reader->at >= reader->length)
        return fail(reader, "the file ends here; it was cut short");
    const char *start = reader->text + reader->at;
    const char *end = memchr(start, '\n', reader->length - reader->at);
    if (!end)
        return fail(reader, "the line has no end; the file was cut short");
    size_t length = (size_t)(end - start);
    free(reader->current);
    reader->current = copy_bytes(start, length);
    reader->at += length + 1;
    if (strlen(reader->current) != length)
        return fail(reader, "a NUL byte; the file is damaged");
    return true;
}

static const char *header(struct reader *reader, const char *key)
{
    if (!next_line(reader))
        return NULL;
    size_t length = strlen(key);
    if (strncmp(reader->current, key, length) == 0 && strncmp(reader->current + length, ": ", 2) == 0)
        return reader->current + length + 2;
    char *what = print_text("\"%s: ...\" is expected here", key);
    fail(reader, what);
    free(what);
    return NULL;
}

static bool plain_header(struct reader *reader, const char *key, char **value)
{
    const char *text = header(reader, key);
    if (!text)
        return false;
    if (!*text || text[strcspn(text, " \t\"\\")])
        return fail(reader, "a single word is expected");
    *value = copy_text(text);
    return true;
}

/* Takes a decimal number in its only form: no sign, no leading zero. Returns what follows, NULL if it is
 * none. */
static const char *take_number(const char *text, uint64_t *value)
{
    if (!isdigit((unsigned char)*text) || (text[0] == '0' && isdigit((unsigned char)text[1])))
        return NULL;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno ? NULL : end;
}

static bool number_header(struct reader *reader, const char *key, uint64_t *value)
{
    const char *text = header(reader, key);
    if (!text)
        return false;
    const char *end = take_number(text, value);
    return (end && !*end) || fail(reader, "a decimal number is expected");
}

static bool hash_header(struct reader *reader, const char *key, uint64_t *value)
{
    const char *text = header(reader, key);
    if (!text)
        return false;
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return fail(reader, "16 hexadecimal digits are expected");
    *value = strtoull(text, NULL, 16);
    return true;
}

static bool path_header(struct reader *reader, const char *key, char **value)
{
    const char *text = header(reader, key);
    if (!text)
        return false;
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    const char *path = json_string_value(json);
    if (path && path[0] == '/')
        *value = copy_text(path);
    json_decref(json);
    return *value || fail(reader, "an absolute path in quotation marks is expected");
}

static bool argv_header(struct reader *reader, const char *key, char ***value)
{
    const char *text = header(reader, key);
    if (!text)
        return false;
    json_t *json = json_loads(text, 0, NULL);
    bool good = json_is_array(json) && json_array_size(json) > 0;
    for (size_t i = 0; good && i < json_array_size(json); i++)
        good = json_is_string(json_array_get(json, i));
    if (good) {
        *value = allocate((json_array_size(json) + 1) * sizeof **value);
        for (size_t i = 0; i < json_array_size(json); i++)
            (*value)[i] = copy_text(json_string_value(json_array_get(json, i)));
    }
    json_decref(json);
    return good || fail(reader, "the arguments are expected as a JSON array of texts");
}

static bool first_line(struct reader *reader)
{
    if (!next_line(reader) || strncmp(reader->current, MAGIC " ", strlen(MAGIC) + 1) != 0) {
        free(reader->error);
        reader->error = NULL;
        return fail(reader, "not a lockcheck schedule: \"" MAGIC " 1\" is expected");
    }
    uint64_t version;
    const char *end = take_number(reader->current + strlen(MAGIC) + 1, &version);
    if (!end || *end)
        return fail(reader, "the version is not a number");
    if (version == SCHEDULE_FILE_VERSION)
        return true;
    char *what = print_text("the schedule has version %" PRIu64 "; this lockcheck reads version %d", version,
                            SCHEDULE_FILE_VERSION);
    fail(reader, what);
    free(what);
    return false;
}

static bool next_is(const struct reader *reader, const char *key)
{
    return reader->length - reader->at >= strlen(key) &&
           strncmp(reader->text + reader->at, key, strlen(key)) == 0;
}

/* These six are there only where they say something. */
static bool sleepers_header(struct reader *reader, struct schedule *schedule)
{
    if (!next_is(reader, "sleepers: "))
        return true;
    if (!number_header(reader, "sleepers", &schedule->sleepers))
        return false;
    return schedule->sleepers <= UINT32_MAX || fail(reader, "that many threads there are not");
}

static bool points_header(struct reader *reader, struct schedule *schedule)
{
    if (!next_is(reader, "points: "))
        return true;
    const char *text = header(reader, "points");
    if (text && strcmp(text, "memory") == 0)
        schedule->points = LC_POINTS_MEMORY;
    else if (text && strcmp(text, "auto") == 0)
        schedule->points = LC_POINTS_AUTO;
    else
        return fail(reader, "memory or auto is expected");
    return true;
}

static bool detect_header(struct reader *reader, struct schedule *schedule)
{
    if (!next_is(reader, "detect: "))
        return true;
    const char *text = header(reader, "detect");
    return (text && detectors_parse(text, &schedule->detect)) ||
           fail(reader, "names of detectors are expected");
}

/* A count from 1 to most. */
static bool count_header(struct reader *reader, const char *key, uint64_t *value, uint64_t most,
                         const char *too_many)
{
    if (!number_header(reader, key, value))
        return false;
    return (*value && *value <= most) || fail(reader, too_many);
}

static bool report_header(struct reader *reader, struct schedule *schedule)
{
    return !next_is(reader, "report: ") ||
           count_header(reader, "report", &schedule->report, LC_REPORTS, "that many reports there are not");
}

static bool passed_header(struct reader *reader, struct schedule *schedule)
{
    return !next_is(reader, "passed: ") || count_header(reader, "passed", &schedule->passed, LC_PASSED_MAX,
                                                        "that many findings are not passed over");
}

static bool earlier_header(struct reader *reader, struct schedule *schedule)
{
    if (!next_is(reader, "earlier: "))
        return true;
    const char *text = header(reader, "earlier");
    struct lc_earlier *e = &schedule->earlier;
    int used = 0;
    return (text && sscanf(text, "%" SCNx64 " %" SCNx64 "%n", &e->when, &e->pc, &used) == 2 && !text[used]) ||
           fail(reader, "two hexadecimal numbers are expected");
}

static bool headers(struct reader *reader, struct schedule *schedule)
{
    return path_header(reader, "program", &schedule->program) &&
           argv_header(reader, "argv", &schedule->argv) && path_header(reader, "cwd", &schedule->cwd) &&
           plain_header(reader, "build-id", &schedule->build_id) &&
           number_header(reader, "seed", &schedule->seed) &&
           plain_header(reader, "strategy", &schedule->strategy) &&
           number_header(reader, "schedule", &schedule->number) && sleepers_header(reader, schedule) &&
           points_header(reader, schedule) && detect_header(reader, schedule) &&
           report_header(reader, schedule) && passed_header(reader, schedule) &&
           earlier_header(reader, schedule) && plain_header(reader, "kind", &schedule->kind) &&
           number_header(reader, "steps", &schedule->steps) &&
           hash_header(reader, "execution-hash", &schedule->hash);
}

static bool decision_line(struct reader *reader, struct schedule *schedule, size_t *room)
{
    for (const char *at = reader->current;;) {
        uint64_t thread, count;
        at = take_number(at, &thread);
        if (at && *at == '*')
            at = take_number(at + 1, &count);
        else
            at = NULL;
        if (!at || count == 0 || (*at && *at != ' '))
            return fail(reader, "decisions THREAD*COUNT are expected, separated by one space");
        if (*room - schedule->decisions_bytes < 20)
            schedule->decisions = reallocate(schedule->decisions, *room = *room * 2 + 4096);
        schedule->decisions_bytes += lc_varint_put(schedule->decisions + schedule->decisions_bytes, thread);
        schedule->decisions_bytes += lc_varint_put(schedule->decisions + schedule->decisions_bytes, count);
        if (!*at)
            return true;
        at++;
    }
}

static bool last_line(struct reader *reader, size_t start)
{
    const char *digits = reader->current + strlen("end crc32=");
    if (strncmp(reader->current, "end crc32=", strlen("end crc32=")) != 0 || strlen(digits) != 8 ||
        strspn(digits, "0123456789abcdef") != 8)
        return fail(reader, "\"end crc32=XXXXXXXX\" is expected");
    if (strtoul(digits, NULL, 16) != crc32_z(0, (const unsigned char *)reader->text, start))
        return fail(reader, "the checksum does not match: something before this line was changed or damaged");
    if (reader->at != reader->length) {
        reader->line++;
        return fail(reader, "nothing is expected after the line \"end\"");
    }
    return true;
}

static bool decisions(struct reader *reader, struct schedule *schedule)
{
    if (!next_line(reader))
        return false;
    if (strcmp(reader->current, "decisions:") != 0)
        return fail(reader, "\"decisions:\" is expected here");
    size_t room = 0;
    for (;;) {
        size_t start = reader->at;
        if (!next_line(reader))
            return false;
        if (reader->current[0] == 'e')
            return last_line(reader, start);
        if (!decision_line(reader, schedule, &room))
            return false;
    }
}

char *schedule_parse(struct schedule *schedule, const char *text, size_t length)
{
    struct reader reader = {.text = text, .length = length};
    *schedule = (struct schedule){0};
    bool good = first_line(&reader) && headers(&reader, schedule) && decisions(&reader, schedule);
    free(reader.current);
    if (!good)
        schedule_free(schedule);
    return reader.error;
}

int schedule_read(struct schedule *schedule, const char *path)
{
    size_t length;
    char *text = read_whole_file(path, &length);
    if (!text) {
        complain("%s: %s; a schedule file is expected", path, read_problem(errno));
        return -1;
    }
    char *wrong = schedule_parse(schedule, text, length);
    free(text);
    if (!wrong && schedule->decisions_bytes > LC_REPLAY_SIZE) {
        wrong = copy_text("more decisions than there is room for");
        schedule_free(schedule);
    }
    if (!wrong)
        return 0;
    complain("%s: %s", path, wrong);
    free(wrong);
    return -1;
}

void schedule_free(struct schedule *schedule)
{
    for (char **argument = schedule->argv; argument && *argument; argument++)
        free(*argument);
    free(schedule->argv);
    free(schedule->program);
    free(schedule->cwd);
    free(schedule->build_id);
    free(schedule->strategy);
    free(schedule->kind);
    free(schedule->decisions);
    *schedule = (struct schedule){0};
}

int schedule_begins(const char *path)
{
    char start[sizeof MAGIC];
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t length = fread(start, 1, sizeof start, file);
    fclose(file);
    return length == sizeof start && memcmp(start, MAGIC " ", sizeof start) == 0;
}
