/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The runtime's evidence made readable: see evidence.h. */
#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/symbolize.h"
#include "lockcheck/tool/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct evidence_reader {
    char *maps;
    struct symbolizer *symbolizer;
};

/* The names of one execution's threads or objects. */
struct names {
    size_t count;
    struct {
        json_int_t id;
        char *name;
    } * entries;
};

struct description {
    struct symbolizer *symbolizer;
    json_t *evidence;
    struct names threads, objects;
    json_t *sources; /* what the stacks described so far are from; NULL: not wanted */
};

struct evidence_reader *evidence_reader_new(void)
{
    return allocate(sizeof(struct evidence_reader));
}

void evidence_reader_free(struct evidence_reader *reader)
{
    if (!reader)
        return;
    symbolizer_free(reader->symbolizer);
    free(reader->maps);
    free(reader);
}

static struct symbolizer *reader_symbolizer(struct evidence_reader *reader, const char *maps)
{
    if (!reader->maps || strcmp(reader->maps, maps) != 0) {
        symbolizer_free(reader->symbolizer);
        free(reader->maps);
        reader->maps = copy_text(maps);
        reader->symbolizer = symbolizer_new(maps);
    }
    return reader->symbolizer;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void names_add(struct names *names, json_int_t id, char *name)
{
    names->entries = reallocate(names->entries, (names->count + 1) * sizeof *names->entries);
    names->entries[names->count].id = id;
    names->entries[names->count++].name = name;
}

/* Two things never have one name: the later ones get their number. */
static void names_make_unique(struct names *names)
{
    for (size_t i = 1; i < names->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(names->entries[i].name, names->entries[k].name) == 0) {
                char *longer =
                    print_text("%s #%" JSON_INTEGER_FORMAT, names->entries[i].name, names->entries[i].id);
                free(names->entries[i].name);
                names->entries[i].name = longer;
                break;
            }
}

static const char *names_find(const struct names *names, json_int_t id)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->entries[i].id == id)
            return names->entries[i].name;
    return NULL;
}

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->entries[i].name);
    free(names->entries);
}

/* {tN} and {oN} as names. Text that the caller frees. */
static char *expand(const struct description *description, const char *text)
{
    char *expanded = NULL;
    size_t size;
    FILE *out = open_memstream(&expanded, &size);
    if (!out)
        return copy_text(text);
    while (*text) {
        unsigned long long id;
        int used = 0;
        char which;
        if (*text == '{' && sscanf(text, "{%1[to]%llu}%n", (char[2]){0}, &id, &used) == 2 && used) {
            which = text[1];
            const char *name =
                names_find(which == 't' ? &description->threads : &description->objects, (json_int_t)id);
            if (name)
                fputs(name, out);
            else
                fprintf(out, "%s %llu", which == 't' ? "thread" : "object", id);
            text += used;
        } else {
            fputc(*text++, out);
        }
    }
    fclose(out);
    return expanded;
}

static json_t *json_owned(char *text)
{
    json_t *value = json_string(text);
    free(text);
    return value ? value : json_string("");
}

/* Returns the number of lines; *symbols is an array that the caller frees, or NULL. */
static size_t symbols_of(const struct description *description, const json_t *pcs,
                         const struct symbol ***symbols)
{
    size_t count = json_array_size(pcs);
    *symbols = NULL;
    if (!count || !description->symbolizer)
        return 0;
    uint64_t *addresses = allocate(count * sizeof *addresses);
    for (size_t i = 0; i < count; i++)
        addresses[i] = (uint64_t)json_integer_value(json_array_get(pcs, i));
    size_t lines = symbolize_stack(description->symbolizer, addresses, count, symbols);
    free(addresses);
    return lines;
}

/* Another path for a file that is shown by the same name makes it null: who reads it cannot tell. */
static void add_source(json_t *sources, const struct symbol *symbol)
{
    if (!symbol->source)
        return;
    const char *place = symbol->text + symbol->function + strlen(" ("), *line = strrchr(place, ':');
    char *name = copy_bytes(place, (size_t)(line - place));
    const json_t *known = json_object_get(sources, name);
    if (!known)
        json_object_set_new(sources, name, json_string(symbol->source));
    else if (!json_is_string(known) || strcmp(json_string_value(known), symbol->source) != 0)
        json_object_set_new(sources, name, json_null());
    free(name);
}

static json_t *stack_of(const struct description *description, const json_t *pcs)
{
    json_t *stack = json_array();
    const struct symbol **symbols;
    size_t lines = symbols_of(description, pcs, &symbols);
    for (size_t i = 0; i < lines; i++)
        json_array_append_new(stack, json_string(symbols[i]->text));
    for (size_t i = 0; i < lines && description->sources; i++)
        add_source(description->sources, symbols[i]);
    free(symbols);
    return stack;
}

static char *thread_name(const json_t *thread)
{
    const char *name = text_of(thread, "name");
    if (*name)
        return copy_text(name);
    return print_text("thread %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(thread, "id")));
}

/* "function (file:12)", and not of the C library, nor of the C++ library's headers. */
static bool is_programs_own(const struct symbol *symbol)
{
    const char *file = strrchr(symbol->text, '('), *line = file ? strrchr(file, ':') : NULL;
    return line && line[1] >= '0' && line[1] <= '9' && !symbol->c_library &&
           strncmp(file, "(bits/", 6) != 0 && strncmp(file, "(ext/", 5) != 0;
}

/* Who made it, as a line of its stack, which belongs to the symbolizer; NULL when that is not known. An
 * interposed function, which has no line, a request to lockcheck and a linker's wrapper are how it was made,
 * not where. */
static const char *creator_of(const struct description *description, const json_t *object)
{
    const struct symbol **symbols;
    size_t lines = symbols_of(description, json_object_get(object, "created"), &symbols);
    const char *creator = NULL;
    for (size_t i = 0; i < lines && !creator; i++)
        if (is_programs_own(symbols[i]) && !strstr(symbols[i]->text, "/lockcheck.h:") &&
            strncmp(symbols[i]->text, "__wrap_", 7) != 0)
            creator = symbols[i]->text;
    free(symbols);
    return creator;
}

/* "counts[3] (long)"; "the 64 bytes allocated by make (account.c:12) at offset 16". NULL: neither a variable
 * nor on the heap. */
static char *memory_name(const struct description *description, const json_t *object)
{
    const json_t *block = json_object_get(object, "block");
    uint64_t address = (uint64_t)json_integer_value(json_object_get(object, "address"));
    if (!block)
        return description->symbolizer ? symbolize_member(description->symbolizer, address) : NULL;
    const char *creator = creator_of(description, object);
    char *name = print_text("the %" JSON_INTEGER_FORMAT " bytes allocated%s%s at offset %" PRIu64,
                            json_integer_value(json_object_get(block, "bytes")), creator ? " by " : "",
                            creator ? creator : "",
                            address - (uint64_t)json_integer_value(json_object_get(block, "address")));
    return name;
}

/* The given name; else the variable that it is; else what it is and where it was made, or for memory of a
 * file's image, where it lies. */
static char *object_name(const struct description *description, const json_t *object)
{
    const char *name = text_of(object, "name"), *kind = text_of(object, "kind");
    if (*name)
        return copy_text(name);
    bool is_memory = strcmp(kind, "memory") == 0;
    char *memory = is_memory ? memory_name(description, object) : NULL;
    if (memory)
        return memory;
    uint64_t address = (uint64_t)json_integer_value(json_object_get(object, "address"));
    const char *variable =
        description->symbolizer ? symbolize_variable(description->symbolizer, address) : NULL;
    if (variable)
        return copy_text(variable);
    char *place =
        is_memory && description->symbolizer ? symbolize_place(description->symbolizer, address) : NULL;
    const char *creator = place ? NULL : creator_of(description, object); /* memory was first seen there */
    char *made = creator ? print_text("%s created by %s", kind, creator)
                 : place ? print_text("%s at %s", kind, place)
                         : print_text("%s #%" JSON_INTEGER_FORMAT, kind,
                                      json_integer_value(json_object_get(object, "id")));
    free(place);
    return made;
}

static void open_description(struct description *description, struct evidence_reader *reader,
                             const struct execution *execution)
{
    *description = (struct description){0};
    if (execution->evidence)
        description->evidence = json_loadb(execution->evidence, execution->evidence_bytes, 0, NULL);
    if (!description->evidence)
        return;
    description->symbolizer = reader_symbolizer(reader, text_of(description->evidence, "maps"));
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(description->evidence, "threads"), i, item)
        names_add(&description->threads, json_integer_value(json_object_get(item, "id")), thread_name(item));
    json_array_foreach(json_object_get(description->evidence, "objects"), i, item)
        names_add(&description->objects, json_integer_value(json_object_get(item, "id")),
                  object_name(description, item));
    names_make_unique(&description->threads);
    names_make_unique(&description->objects);
}

static void close_description(struct description *description)
{
    names_free(&description->threads);
    names_free(&description->objects);
    json_decref(description->evidence);
}

static json_t *object_reference(const struct description *description, const json_t *id)
{
    if (!json_is_integer(id))
        return json_null();
    const char *name = names_find(&description->objects, json_integer_value(id));
    return name ? json_string(name)
                : json_owned(print_text("object %" JSON_INTEGER_FORMAT, json_integer_value(id)));
}

static json_t *thread_reference(const struct description *description, const json_t *id)
{
    if (!json_is_integer(id))
        return json_null();
    /* Thread 0 is the passing of time. */
    if (json_integer_value(id) == 0)
        return json_string("time");
    const char *name = names_find(&description->threads, json_integer_value(id));
    return name ? json_string(name)
                : json_owned(print_text("thread %" JSON_INTEGER_FORMAT, json_integer_value(id)));
}

/* "semaphore down on tx window, in cond_timedwait on port 12 until 40.000 ms" */
static char *wait_text(const struct description *description, const json_t *wait, const json_t *annotation)
{
    json_t *object = object_reference(description, json_object_get(wait, "object"));
    json_t *about = object_reference(description, json_object_get(annotation, "object"));
    const char *operation = text_of(wait, "operation"), *purpose = text_of(annotation, "operation");
    const char *name = json_string_value(object);
    const json_t *until = json_object_get(wait, "until_ns");
    char *limit = json_is_integer(until)
                      ? print_text(" until %.3f ms", (double)json_integer_value(until) / 1e6)
                      : copy_text("");
    char *inner =
        name ? print_text("%s on %s%s", operation, name, limit) : print_text("%s%s", operation, limit);
    char *text = json_is_string(about) && *purpose
                     ? print_text("%s on %s, in %s", purpose, json_string_value(about), inner)
                     : copy_text(inner);
    free(limit);
    free(inner);
    json_decref(object);
    json_decref(about);
    return text;
}

static json_t *describe_thread(const struct description *description, const json_t *thread)
{
    json_t *wait = json_object_get(thread, "waits_for"), *annotation = json_object_get(thread, "annotation");
    json_t *holds = json_array(), *id;
    size_t i;
    json_array_foreach(json_object_get(thread, "holds"), i, id)
        json_array_append_new(holds, object_reference(description, id));
    json_t *subject = json_object_get(json_is_object(annotation) ? annotation : wait, "object");
    return json_pack(
        "{s:O?, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "id", json_object_get(thread, "id"), "name",
        thread_reference(description, json_object_get(thread, "id")), "state", text_of(thread, "state"),
        "waits_for",
        json_is_object(wait) ? json_owned(wait_text(description, wait, annotation)) : json_null(),
        "waits_for_object", json_is_object(wait) ? object_reference(description, subject) : json_null(),
        "holds", holds, "stack", stack_of(description, json_object_get(thread, "stack")), "created",
        stack_of(description, json_object_get(thread, "created")));
}

static json_t *describe_event(const struct description *description, const json_t *event)
{
    return json_pack("{s:O?, s:O?, s:o, s:s, s:o, s:o}", "step", json_object_get(event, "step"), "time_ns",
                     json_object_get(event, "time_ns"), "thread",
                     thread_reference(description, json_object_get(event, "thread")), "event",
                     text_of(event, "event"), "detail",
                     json_owned(expand(description, text_of(event, "detail"))), "stack",
                     stack_of(description, json_object_get(event, "stack")));
}

static json_t *describe_object(const struct description *description, const json_t *object)
{
    json_t *history = json_array(), *event;
    size_t i;
    json_array_foreach(json_object_get(object, "history"), i, event)
        json_array_append_new(history, describe_event(description, event));
    return json_pack("{s:O?, s:o, s:s, s:o, s:o, s:o}", "id", json_object_get(object, "id"), "name",
                     object_reference(description, json_object_get(object, "id")), "kind",
                     text_of(object, "kind"), "holder",
                     thread_reference(description, json_object_get(object, "holder")), "created",
                     stack_of(description, json_object_get(object, "created")), "history", history);
}

static json_t *describe_end(const struct description *description, const json_t *end, const char **type)
{
    const json_t *thread = json_object_get(end, "thread");
    *type = thread ? "thread" : "object";
    return thread ? thread_reference(description, thread)
                  : object_reference(description, json_object_get(end, "object"));
}

static json_t *describe_edge(const struct description *description, const json_t *edge)
{
    const char *from_type, *to_type;
    json_t *from = describe_end(description, json_object_get(edge, "from"), &from_type);
    json_t *to = describe_end(description, json_object_get(edge, "to"), &to_type);
    return json_pack("{s:o, s:s, s:o, s:s, s:o}", "from", from, "from_type", from_type, "to", to, "to_type",
                     to_type, "label", json_owned(expand(description, text_of(edge, "label"))));
}

static json_t *describe_note(const struct description *description, const json_t *note)
{
    const char *text = json_string_value(note);
    return json_owned(expand(description, text ? text : ""));
}

/* "frame 12 of download.pcapng" */
static json_t *describe_input(const struct description *description, const json_t *input)
{
    const char *source = text_of(input, "source");
    json_t *text = json_owned(print_text("%s %" JSON_INTEGER_FORMAT "%s%s", text_of(input, "what"),
                                         json_integer_value(json_object_get(input, "number")),
                                         *source ? " of " : "", source));
    return json_pack("{s:O?, s:O?, s:o, s:o}", "step", json_object_get(input, "step"), "time_ns",
                     json_object_get(input, "time_ns"), "thread",
                     thread_reference(description, json_object_get(input, "thread")), "input", text);
}

/* A stack from before the finding. */
static json_t *describe_stack(const struct description *description, const json_t *stack)
{
    return json_pack("{s:o, s:o, s:o}", "title", json_owned(expand(description, text_of(stack, "title"))),
                     "thread", thread_reference(description, json_object_get(stack, "thread")), "stack",
                     stack_of(description, json_object_get(stack, "stack")));
}

/* The list of that name, each item described. */
static json_t *describe_list(const struct description *description, const char *key,
                             json_t *(*describe)(const struct description *, const json_t *))
{
    json_t *list = json_array(), *item;
    size_t i;
    json_array_foreach(json_object_get(description->evidence, key), i, item)
        json_array_append_new(list, describe(description, item));
    return list;
}

json_t *evidence_describe(struct evidence_reader *reader, const struct execution *execution)
{
    struct description description;
    open_description(&description, reader, execution);
    json_t *result = json_object();
    description.sources = json_object();
    json_object_set_new(result, "summary", json_owned(expand(&description, execution->summary)));
    json_object_set_new(result, "notes", describe_list(&description, "notes", describe_note));
    json_object_set_new(result, "stacks", describe_list(&description, "stacks", describe_stack));
    json_object_set_new(result, "threads", describe_list(&description, "threads", describe_thread));
    json_object_set_new(result, "objects", describe_list(&description, "objects", describe_object));
    json_object_set_new(result, "graph", describe_list(&description, "graph", describe_edge));
    json_t *outstanding = json_object_get(description.evidence, "outstanding");
    json_object_set_new(result, "outstanding",
                        json_is_object(outstanding) ? json_deep_copy(outstanding) : json_object());
    json_object_set_new(result, "inputs", describe_list(&description, "inputs", describe_input));
    json_object_set_new(result, "sources", description.sources);
    if (execution->evidence && !description.evidence)
        json_array_append_new(json_object_get(result, "notes"),
                              json_string("The evidence that the program left could not be read."));
    close_description(&description);
    return result;
}

static const json_t *find_by_id(const json_t *list, json_int_t id)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) if (json_integer_value(json_object_get(item, "id")) == id) return item;
    return NULL;
}

json_t *evidence_names(struct evidence_reader *reader, const struct execution *execution,
                       const uint32_t *objects, size_t count)
{
    struct description description;
    open_description(&description, reader, execution);
    json_t *names = json_object(), *threads = json_object(), *of_objects = json_object();
    json_t *operations = json_object_get(description.evidence, "operations");
    json_object_set(names, "operations", operations ? operations : json_array());
    for (size_t i = 0; i < description.threads.count; i++) {
        char *key = print_text("%" JSON_INTEGER_FORMAT, description.threads.entries[i].id);
        json_object_set_new(threads, key, json_string(description.threads.entries[i].name));
        free(key);
    }
    for (size_t i = 0; i < count; i++) {
        const char *known = names_find(&description.objects, objects[i]);
        const json_t *object = find_by_id(
            json_object_get(description.evidence, known ? "objects" : "other_objects"), objects[i]);
        if (!object)
            continue;
        char *key = print_text("%" PRIu32, objects[i]);
        json_object_set_new(
            of_objects, key,
            json_pack("[s, o]", text_of(object, "kind"),
                      json_owned(known ? copy_text(known) : object_name(&description, object))));
        free(key);
    }
    json_object_set_new(names, "threads", threads);
    json_object_set_new(names, "objects", of_objects);
    close_description(&description);
    return names;
}

char *evidence_place(struct evidence_reader *reader, const struct lc_stack *stack)
{
    if (!reader->symbolizer || !stack->frames || stack->frames > LC_STACK_FRAMES)
        return NULL;
    const struct symbol **symbols;
    size_t lines = symbolize_stack(reader->symbolizer, stack->pcs, stack->frames, &symbols), i = 0;
    while (i + 1 < lines && !symbols[i]->source) /* the interposed function, and libraries without lines */
        i++;
    char *place = lines ? copy_text(symbols[symbols[i]->source ? i : 0]->text) : NULL;
    free(symbols);
    return place;
}

/* The text with every number, and every address, as one '#'. In place. */
static void take_out_numbers(char *text)
{
    char *to = text;
    for (const char *at = text; *at;) {
        size_t digits =
            strncmp(at, "0x", 2) == 0 ? 2 + strspn(at + 2, "0123456789abcdef") : strspn(at, "0123456789");
        *to++ = digits ? '#' : *at;
        at += digits ? digits : 1;
    }
    *to = 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Texts in an order of their own, so that a cycle is the same wherever it is entered. */
struct parts {
    size_t count;
    char **texts;
};

static void parts_add(struct parts *parts, char *text)
{
    for (size_t i = 0; i < parts->count; i++)
        if (strcmp(parts->texts[i], text) == 0) {
            free(text);
            return;
        }
    parts->texts = reallocate(parts->texts, (parts->count + 1) * sizeof *parts->texts);
    parts->texts[parts->count++] = text;
}

static uint32_t parts_checksum(struct parts *parts, uint32_t checksum)
{
    if (parts->count)
        qsort(parts->texts, parts->count, sizeof *parts->texts, by_text);
    for (size_t i = 0; i < parts->count; i++) {
        checksum = (uint32_t)crc32_z(checksum, (unsigned char *)parts->texts[i], strlen(parts->texts[i]) + 1);
        free(parts->texts[i]);
    }
    free(parts->texts);
    return checksum;
}

/* A stack as one text without addresses. */
static char *stack_text(const struct description *description, const json_t *owner)
{
    json_t *stack = stack_of(description, json_object_get(owner, "stack")), *frame;
    char *text = copy_text("");
    size_t i;
    json_array_foreach(stack, i, frame)
    {
        const char *line = json_string_value(frame);
        char *longer = print_text("%s%s\n", text, strncmp(line, "0x", 2) == 0 ? "?" : line);
        free(text);
        text = longer;
    }
    json_decref(stack);
    return text;
}

static bool is_running(const json_t *thread)
{
    return strcmp(text_of(thread, "state"), "running") == 0;
}

/* Does a thread that the sentence names run into the finding? Then where the others have got to meanwhile is
 * chance. */
static bool one_runs_into_it(const struct description *description, const char *sentence)
{
    const json_t *threads = json_object_get(description->evidence, "threads");
    for (const char *at = sentence; (at = strstr(at, "{t")); at++)
        if (is_running(find_by_id(threads, (json_int_t)strtoll(at + 2, NULL, 10))))
            return true;
    return false;
}

/* Is where the thread stands at the end part of the finding? Not of one that shows stacks from before. */
static bool stands_there(const struct description *description, const json_t *thread)
{
    return json_array_size(json_object_get(description->evidence, "stacks")) == 0 || is_running(thread);
}

char *evidence_identify(struct evidence_reader *reader, const struct execution *execution, bool with_stacks)
{
    struct description description;
    open_description(&description, reader, execution);
    struct parts objects = {0}, stacks = {0};
    bool one = one_runs_into_it(&description, execution->summary);
    char *sentence = copy_text(execution->summary), *to = sentence;
    for (const char *at = execution->summary; *at;) {
        unsigned long long id;
        int used = 0;
        if (sscanf(at, "{%1[to]%llu}%n", (char[2]){0}, &id, &used) == 2 && used) {
            if (at[1] == 'o') {
                const char *name = names_find(&description.objects, (json_int_t)id);
                char *text = copy_text(name ? name : "?");
                take_out_numbers(text);
                parts_add(&objects, text);
            } else if (with_stacks) {
                const json_t *thread =
                    find_by_id(json_object_get(description.evidence, "threads"), (json_int_t)id);
                if (one ? is_running(thread) : stands_there(&description, thread))
                    parts_add(&stacks, stack_text(&description, thread));
            }
            *to++ = at[1];
            at += used;
        } else {
            *to++ = *at++;
        }
    }
    *to = 0;
    size_t i;
    json_t *shown;
    if (with_stacks)
        json_array_foreach(json_object_get(description.evidence, "stacks"), i, shown)
            parts_add(&stacks, stack_text(&description, shown));
    take_out_numbers(sentence);
    uint32_t checksum = (uint32_t)crc32_z(0, (unsigned char *)sentence, strlen(sentence) + 1);
    checksum = parts_checksum(&stacks, parts_checksum(&objects, checksum));
    close_description(&description);
    free(sentence);
    return print_text("%s-%08" PRIx32, execution->kind, checksum);
}

/* Does the sentence name that thread ('t') or object ('o')? */
static bool sentence_names(const char *sentence, char which, json_int_t id)
{
    char *name = print_text("{%c%" JSON_INTEGER_FORMAT "}", which, id);
    bool named = strstr(sentence, name);
    free(name);
    return named;
}

static void add_stack(struct evidence_stacks *stacks, const struct description *description,
                      json_int_t thread, bool concerned, const json_t *pcs)
{
    stacks->stacks = reallocate(stacks->stacks, (stacks->count + 1) * sizeof *stacks->stacks);
    struct evidence_stack *stack = &stacks->stacks[stacks->count++];
    *stack = (struct evidence_stack){.thread = thread, .concerned = concerned};
    stack->lines = symbols_of(description, pcs, &stack->symbols);
}

struct evidence_stacks evidence_stacks(struct evidence_reader *reader, const struct execution *execution)
{
    struct evidence_stacks stacks = {0};
    struct description description;
    open_description(&description, reader, execution);
    const char *sentence = execution->summary;
    size_t i;
    json_t *item;
    bool any = false;
    json_array_foreach(json_object_get(description.evidence, "threads"), i, item)
    {
        json_int_t id = json_integer_value(json_object_get(item, "id"));
        bool concerned = strcmp(text_of(item, "state"), "running") == 0 ||
                         (sentence_names(sentence, 't', id) && stands_there(&description, item));
        any |= concerned;
        if (concerned || strcmp(text_of(item, "state"), "finished") != 0)
            add_stack(&stacks, &description, id, concerned, json_object_get(item, "stack"));
    }
    for (size_t k = 0; k < stacks.count && !any; k++)
        stacks.stacks[k].concerned = true;
    json_array_foreach(json_object_get(description.evidence, "stacks"), i, item)
    {
        add_stack(&stacks, &description, json_integer_value(json_object_get(item, "thread")), true,
                  json_object_get(item, "stack"));
        stacks.stacks[stacks.count - 1].past = true;
    }
    json_array_foreach(json_object_get(description.evidence, "objects"), i, item)
    {
        const json_t *history = json_object_get(item, "history");
        if (!sentence_names(sentence, 'o', json_integer_value(json_object_get(item, "id"))))
            continue;
        size_t before = stacks.count;
        for (size_t k = json_array_size(history); k-- > 0;) {
            const json_t *event = json_array_get(history, k);
            json_int_t thread = json_integer_value(json_object_get(event, "thread"));
            size_t have = before;
            while (have < stacks.count && stacks.stacks[have].thread != thread)
                have++;
            if (have < stacks.count)
                continue;
            add_stack(&stacks, &description, thread, !any || sentence_names(sentence, 't', thread),
                      json_object_get(event, "stack"));
            stacks.stacks[have].past = true;
        }
    }
    close_description(&description);
    return stacks;
}

void evidence_stacks_free(struct evidence_stacks *stacks)
{
    for (size_t i = 0; i < stacks->count; i++)
        free(stacks->stacks[i].symbols);
    free(stacks->stacks);
    *stacks = (struct evidence_stacks){0};
}
