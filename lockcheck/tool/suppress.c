/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Suppressions: see suppress.h. */
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/result.h"
#include "lockcheck/tool/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOOL "lockcheck"
#define ANY_LINES "..."
#define ANOTHER_THREAD "--"
#define NO_END "this block has no end: a line \"}\" is missing"
#define UNNAMED "<insert_a_suppression_name_here>"

/* ---- reading ---- */

/* A text that is read line by line. */
struct lines {
    const char *source, *at;
    unsigned number; /* of the line that was read last, from 1 */
};

static int wrong(const struct lines *lines, unsigned line, const char *what)
{
    complain("%s:%u: %s", lines->source, line, what);
    return -1;
}

/* The next line that is neither empty nor a comment, without the blanks around it; the caller frees it. NULL
 * at the end. */
static char *next_line(struct lines *lines)
{
    while (*lines->at) {
        size_t length = strcspn(lines->at, "\n");
        const char *from = lines->at, *to = lines->at + length;
        lines->at = to + (*to == '\n');
        lines->number++;
        while (from < to && isspace((unsigned char)*from))
            from++;
        while (to > from && isspace((unsigned char)to[-1]))
            to--;
        if (from < to && *from != '#')
            return print_text("%.*s", (int)(to - from), from);
    }
    return NULL;
}

/* "Memcheck,lockcheck" */
static bool names_tool(const char *tools, size_t length)
{
    for (const char *end = tools + length; tools < end;) {
        size_t word = strcspn(tools, ",:");
        if (word == strlen(TOOL) && strncmp(tools, TOOL, word) == 0)
            return true;
        tools += word + 1;
    }
    return false;
}

static void suppression_free(struct suppression *suppression)
{
    for (size_t i = 0; i < suppression->count; i++)
        free(suppression->lines[i]);
    free(suppression->lines);
    free(suppression->name);
    free(suppression->source);
    free(suppression->kind);
}

/* Takes the line over. */
static void add_line(struct suppression *suppression, char *line)
{
    suppression->lines =
        reallocate(suppression->lines, (suppression->count + 1) * sizeof *suppression->lines);
    suppression->lines[suppression->count++] = line;
}

/* What is wrong with a line of a pattern, or NULL. */
static const char *objection_to(const char *line)
{
    static const char *const words[] = {"fun:", "obj:", "src:"};
    if (strcmp(line, ANY_LINES) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(line, words[i], strlen(words[i])) == 0)
            return line[strlen(words[i])] ? NULL : "a pattern is expected after the colon";
    return "fun:FUNCTION, obj:FILE, src:FILE:LINE, \"...\", \"--\" or \"}\" is expected";
}

/* The lines of the patterns, up to the closing brace. */
static int read_patterns(struct lines *lines, struct suppression *suppression)
{
    bool empty = true; /* the pattern so far */
    for (char *line; (line = next_line(lines)); empty = !suppression->lines[suppression->count - 1]) {
        bool end = strcmp(line, "}") == 0, divides = strcmp(line, ANOTHER_THREAD) == 0;
        const char *objection = end || divides
                                    ? empty ? "a line of a stack is expected, or \"...\" for any stack" : NULL
                                    : objection_to(line);
        if (objection || end || divides)
            free(line);
        if (objection)
            return wrong(lines, lines->number, objection);
        if (end)
            return 0;
        add_line(suppression, divides ? NULL : line);
    }
    return wrong(lines, suppression->line, NO_END);
}

/* Another tool's. */
static int pass_over(struct lines *lines, unsigned begin)
{
    for (char *line; (line = next_line(lines));) {
        bool end = strcmp(line, "}") == 0;
        free(line);
        if (end)
            return 0;
    }
    return wrong(lines, begin, NO_END);
}

/* After the opening brace. Returns 1 for a suppression, 0 for one of another tool, -1 after saying what is
 * wrong. */
static int read_block(struct lines *lines, struct suppression *suppression)
{
    suppression->line = lines->number;
    suppression->name = next_line(lines);
    if (suppression->name && strcmp(suppression->name, "}") == 0)
        return wrong(lines, lines->number, "the name of the suppression is expected");
    char *kind = suppression->name ? next_line(lines) : NULL;
    if (!kind)
        return wrong(lines, suppression->line, NO_END);
    size_t tools = strcspn(kind, ":");
    const char *objection =
        kind[tools] ? NULL : "a tool and a kind of finding are expected, as in " TOOL ":deadlock";
    bool ours = !objection && names_tool(kind, tools);
    if (ours) {
        const char *word = kind + tools + 1;
        suppression->kind = copy_text(word);
        if (!*word || word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-_*?")])
            objection = "a kind of finding is expected after \"" TOOL ":\", such as deadlock, or *";
    }
    free(kind);
    if (objection)
        return wrong(lines, lines->number, objection);
    if (!ours)
        return pass_over(lines, suppression->line);
    return read_patterns(lines, suppression) == 0 ? 1 : -1;
}

int suppressions_parse(struct suppressions *suppressions, const char *source, const char *text, bool own)
{
    struct lines lines = {.source = source, .at = text};
    for (char *line; (line = next_line(&lines));) {
        bool begins = strcmp(line, "{") == 0;
        free(line);
        if (!begins)
            return wrong(&lines, lines.number, "a line \"{\" is expected, which begins a suppression");
        struct suppression suppression = {.source = copy_text(source), .own = own};
        int kept = read_block(&lines, &suppression);
        if (kept <= 0)
            suppression_free(&suppression);
        if (kept < 0)
            return -1;
        if (kept == 0)
            continue;
        suppressions->list =
            reallocate(suppressions->list, (suppressions->count + 1) * sizeof *suppressions->list);
        suppressions->list[suppressions->count++] = suppression;
    }
    if (!suppressions->texts)
        suppressions->texts = json_array();
    json_array_append_new(suppressions->texts, json_pack("[s, s, b]", source, text, (int)own));
    return 0;
}

int suppressions_read(struct suppressions *suppressions, const char *path)
{
    size_t length;
    char *text = read_whole_file(path, &length);
    int result = -1;
    if (!text)
        complain("the suppressions %s: %s", path, read_problem(errno));
    else if (strlen(text) != length || !is_utf8(text))
        complain("the suppressions %s: not a text in UTF-8", path);
    else
        result = suppressions_parse(suppressions, path, text, false);
    free(text);
    return result;
}

int suppressions_read_all(struct suppressions *suppressions, const char *const *paths)
{
    for (; paths && *paths; paths++)
        if (suppressions_read(suppressions, *paths) != 0)
            return -1;
    return 0;
}

int suppressions_restore(struct suppressions *suppressions, const json_t *texts)
{
    size_t i;
    json_t *item;
    json_array_foreach(texts, i, item)
    {
        const char *source, *text;
        int own;
        if (json_unpack(item, "[s, s, b]", &source, &text, &own) != 0 ||
            suppressions_parse(suppressions, source, text, own) != 0)
            return -1;
    }
    return 0;
}

void suppressions_free(struct suppressions *suppressions)
{
    for (size_t i = 0; i < suppressions->count; i++)
        suppression_free(&suppressions->list[i]);
    free(suppressions->list);
    json_decref(suppressions->texts);
    *suppressions = (struct suppressions){0};
}

/* ---- matching ---- */

/* As Valgrind's: `*` is any text, `?` any character. */
static bool text_matches(const char *pattern, const char *text, size_t length)
{
    const char *end = text + length, *star = NULL, *tried = NULL;
    while (text < end) {
        if (*pattern == '*') {
            star = pattern++;
            tried = text;
        } else if (*pattern == '?' || (*pattern && *pattern == *text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++tried;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == 0;
}

/* "sync/legacy.c:26" in "function (sync/legacy.c:26)": its length, 0 when there is none. */
static size_t place_of(const struct symbol *symbol, const char **place)
{
    size_t length = strlen(symbol->text);
    *place = symbol->text + symbol->function + 2;
    return symbol->function && length > symbol->function + 3 ? length - symbol->function - 3 : 0;
}

static bool line_matches(const char *line, const struct symbol *symbol)
{
    const char *pattern = line + strlen("fun:"), *place;
    if (*line == 'f')
        return symbol->function && text_matches(pattern, symbol->text, symbol->function);
    if (*line == 'o')
        return text_matches(pattern, symbol->object, strlen(symbol->object));
    size_t length = place_of(symbol, &place), file = length;
    while (file && place[file - 1] != ':')
        file--;
    return file && (text_matches(pattern, place, length) || text_matches(pattern, place, file - 1));
}

static bool is_any(const char *line)
{
    return strcmp(line, ANY_LINES) == 0;
}

static bool run_matches(char *const *line, char *const *end, const struct evidence_stack *stack, size_t at)
{
    for (; line < end; line++)
        if (at == stack->lines || !line_matches(*line, stack->symbols[at++]))
            return false;
    return true;
}

/* Do the lines from `line` to before `end` match the stack? Runs of them between "..." match as far inside as
 * they can, which leaves most to those that follow. */
static bool stack_matches(char *const *line, char *const *end, const struct evidence_stack *stack)
{
    bool anywhere = false;
    size_t at = 0;
    while (line < end) {
        if (is_any(*line)) {
            anywhere = true;
            line++;
            continue;
        }
        char *const *to = line;
        while (to < end && !is_any(*to))
            to++;
        while (!run_matches(line, to, stack, at))
            if (!anywhere || at++ == stack->lines)
                return false;
        at += (size_t)(to - line);
        line = to;
        anywhere = false;
    }
    return true;
}

/* Threads that patterns before have matched. */
struct matched {
    const struct matched *before;
    json_int_t thread;
};

static bool is_matched(const struct matched *matched, json_int_t thread)
{
    for (; matched; matched = matched->before)
        if (matched->thread == thread)
            return true;
    return false;
}

/* Do the patterns from `line` on match stacks of as many other threads? */
static bool patterns_match(const struct suppression *suppression, size_t line,
                           const struct evidence_stacks *stacks, const struct matched *before)
{
    if (line >= suppression->count)
        return true;
    size_t end = line;
    while (end < suppression->count && suppression->lines[end])
        end++;
    for (size_t i = 0; i < stacks->count; i++) {
        const struct evidence_stack *stack = &stacks->stacks[i];
        const struct matched matched = {before, stack->thread};
        if ((before || stack->concerned) && !is_matched(before, stack->thread) &&
            stack_matches(suppression->lines + line, suppression->lines + end, stack) &&
            patterns_match(suppression, end + 1, stacks, &matched))
            return true;
    }
    return false;
}

size_t suppressions_match(const struct suppressions *suppressions, const char *kind,
                          const struct evidence_stacks *stacks)
{
    size_t found = 0;
    while (found < suppressions->count &&
           !(text_matches(suppressions->list[found].kind, kind, strlen(kind)) &&
             patterns_match(&suppressions->list[found], 0, stacks, NULL)))
        found++;
    return found < suppressions->count ? found : NOT_SUPPRESSED;
}

size_t suppressions_find(const struct suppressions *suppressions, struct evidence_reader *reader,
                         const struct execution *finding)
{
    if (!suppressions->count)
        return NOT_SUPPRESSED;
    struct evidence_stacks stacks = evidence_stacks(reader, finding);
    if (!stacks.count) { /* a program that ended without a word leaves one stack, of which nothing is known */
        stacks.stacks = allocate(sizeof *stacks.stacks);
        stacks.stacks[stacks.count++].concerned = true;
    }
    size_t found = suppressions_match(suppressions, finding->kind, &stacks);
    evidence_stacks_free(&stacks);
    return found;
}

/* ---- writing ---- */

static void print_stack(FILE *out, const struct evidence_stack *stack)
{
    for (size_t i = 0; i < stack->lines; i++) {
        const struct symbol *symbol = stack->symbols[i];
        if (symbol->function)
            fprintf(out, "   fun:%.*s\n", (int)symbol->function, symbol->text);
        else
            fprintf(out, "   obj:%s\n", *symbol->object ? symbol->object : "*");
    }
    if (!stack->lines)
        fprintf(out, "   " ANY_LINES "\n");
}

char *suppression_print_stacks(const char *kind, const struct evidence_stacks *stacks)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return copy_text("");
    fprintf(out, "{\n   " UNNAMED "\n   " TOOL ":%s\n", kind);
    bool any = false;
    const struct matched *printed = NULL;
    struct matched *list = allocate((stacks->count + 1) * sizeof *list);
    for (size_t i = 0; i < stacks->count; i++) {
        const struct evidence_stack *stack = &stacks->stacks[i];
        if (!(stack->concerned || stack->past) || is_matched(printed, stack->thread))
            continue;
        list[i] = (struct matched){printed, stack->thread};
        printed = &list[i];
        fputs(any ? "   " ANOTHER_THREAD "\n" : "", out);
        print_stack(out, stack);
        any = true;
    }
    fputs(any ? "}\n" : "   " ANY_LINES "\n}\n", out);
    free(list);
    fclose(out);
    return text;
}

char *suppression_print(struct evidence_reader *reader, const struct execution *finding)
{
    struct evidence_stacks stacks = evidence_stacks(reader, finding);
    char *text = suppression_print_stacks(finding->kind, &stacks);
    evidence_stacks_free(&stacks);
    return text;
}

json_t *suppression_describe(const struct suppression *suppression, uint64_t count,
                             const struct execution *first)
{
    char *schedule = first ? results_schedule_name(first) : NULL;
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:b, s:I, s:o, s:s?}", "name", suppression->name, "source",
                  suppression->source, "line", (int)suppression->line, "own", (int)suppression->own, "count",
                  (json_int_t)count, "first_schedule",
                  first ? json_integer((json_int_t)first->schedule) : json_null(), "schedule", schedule);
    free(schedule);
    return json;
}

void suppressions_describe(const struct suppressions *suppressions, const uint64_t *counts, json_t *results)
{
    json_t *list = json_array();
    uint64_t sum = 0;
    for (size_t i = 0; i < suppressions->count; i++) {
        sum += counts[i];
        json_array_append_new(list, suppression_describe(&suppressions->list[i], counts[i], NULL));
    }
    json_object_set_new(results, "suppressed", json_integer((json_int_t)sum));
    json_object_set_new(results, "suppressions", list);
}

void suppressions_print(const json_t *described)
{
    size_t i;
    json_t *item;
    json_array_foreach(described, i, item)
    {
        const char *name, *source;
        int line, own;
        json_int_t count;
        if (json_unpack(item, "{s:s, s:s, s:i, s:b, s:I}", "name", &name, "source", &source, "line", &line,
                        "own", &own, "count", &count) != 0)
            continue;
        if (count)
            printf("lockcheck: suppressed %" JSON_INTEGER_FORMAT " time%s: %s (%s:%d)\n", count,
                   count == 1 ? "" : "s", name, source, line);
        else if (!own)
            printf("lockcheck: unused suppression: %s (%s:%d)\n", name, source, line);
    }
}
