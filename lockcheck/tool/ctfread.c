/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading traces: see ctfread.h. */
#include "lockcheck/tool/ctfread.h"
#include "lockcheck/runtime/runtime.h"
#include "lockcheck/tool/symbolize.h"
#include "lockcheck/tool/text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS_MAX (1u << 26)   /* a greater number is damage */
#define STEPS_BETWEEN (1u << 31) /* events; more, or a step back, is damage */
#define NAME_SHOWN 80u           /* bytes of a name */

static void damaged(struct ctf *ctf, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void damaged(struct ctf *ctf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) >= 0)
        complain("%s", text);
    va_end(arguments);
    free(text);
    ctf->damaged = true;
}

/* ---- files ---- */

static int by_sequence(const void *a, const void *b)
{
    const struct ctf_file *left = a, *right = b;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

/* Is it a file of that stream, and which? */
static bool parse_name(const char *name, const char *stream, uint64_t *sequence)
{
    size_t length = strlen(stream);
    if (strncmp(name, stream, length) != 0 || name[length] != '-' || strlen(name) < length + 7)
        return false;
    char *end;
    *sequence = strtoull(name + length + 1, &end, 10);
    return !*end && name[length + 1] >= '0' && name[length + 1] <= '9';
}

static int find_files(struct ctf *ctf)
{
    DIR *listing = opendir(ctf->directory);
    if (!listing) {
        complain("%s: %s; the directory of a trace is expected, see --ctf", ctf->directory, strerror(errno));
        return -1;
    }
    struct ctf_stream *streams[] = {&ctf->events, &ctf->names};
    for (struct dirent *entry; (entry = readdir(listing));)
        for (size_t i = 0; i < LC_TRACE_STREAMS; i++) {
            struct ctf_stream *s = streams[i];
            uint64_t sequence;
            if (!parse_name(entry->d_name, lc_trace_stream_names[i], &sequence))
                continue;
            s->files = reallocate(s->files, (s->count + 1) * sizeof *s->files);
            s->files[s->count++] =
                (struct ctf_file){print_text("%s/%s", ctf->directory, entry->d_name), sequence};
        }
    closedir(listing);
    for (size_t i = 0; i < LC_TRACE_STREAMS; i++) {
        streams[i]->id = (enum lc_trace_stream)i;
        if (streams[i]->count)
            qsort(streams[i]->files, streams[i]->count, sizeof *streams[i]->files, by_sequence);
    }
    return 0;
}

/* ---- packets ---- */

/* What lies between the packet read before and this one. */
static void check_gap(struct ctf *ctf, struct ctf_stream *s, const struct ctf_file *file,
                      const struct lc_trace_packet *packet, uint64_t expected)
{
    if (packet->sequence != file->sequence)
        damaged(ctf, "%s: it says that it is packet %" PRIu64 "; the file's name counts", file->path,
                packet->sequence);
    if (s->id == LC_TRACE_NAMES) {
        bool first = file == s->files;
        uint64_t next = first ? 0 : file[-1].sequence + 1;
        if (file->sequence > next && !(first && packet->ring))
            damaged(ctf, "%s: %" PRIu64 " file%s of names before it %s missing", file->path,
                    file->sequence - next, plural(file->sequence - next),
                    file->sequence - next == 1 ? "is" : "are");
        return;
    }
    if (!s->begun && packet->ring)
        return;
    if (packet->events_before > expected)
        damaged(ctf, "%" PRIu64 " event%s missing before %s", packet->events_before - expected,
                packet->events_before - expected == 1 ? " is" : "s are", file->path);
    else if (packet->events_before < expected)
        damaged(ctf, "%s: the number of its first event is damaged", file->path);
}

/* Reads the next packet of which there is something. False when there is none. */
static bool next_packet(struct ctf *ctf, struct ctf_stream *s, uint64_t read)
{
    while (s->next < s->count) {
        const struct ctf_file *file = &s->files[s->next++];
        size_t size;
        free(s->bytes);
        s->bytes = read_whole_file(file->path, &size);
        s->path = file->path;
        struct lc_trace_packet packet;
        if (!s->bytes) {
            damaged(ctf, "%s: %s; it is passed over", file->path, read_problem(errno));
            continue;
        }
        if (size < sizeof packet) {
            damaged(ctf, "%s: cut after %zu byte%s, within the packet's head; it is passed over", file->path,
                    size, plural(size));
            continue;
        }
        memcpy(&packet, s->bytes, sizeof packet);
        if (packet.magic != LC_TRACE_MAGIC || packet.stream != s->id) {
            damaged(ctf, "%s: not a packet of a trace's %s; it is passed over", file->path,
                    lc_trace_stream_names[s->id]);
            continue;
        }
        uint64_t content = packet.content_bits / 8;
        bool good = content >= sizeof packet && packet.content_bits <= packet.packet_bits;
        if (good && content > size)
            damaged(ctf, "%s: cut after %zu of %" PRIu64 " bytes", file->path, size, content);
        else if (!good)
            damaged(ctf, "%s: the packet's head is damaged; what looks like events is read", file->path);
        s->at = sizeof packet;
        s->end = good && content < size ? content : size;
        check_gap(ctf, s, file, &packet, s->before + read);
        s->before = packet.events_before;
        s->time = good && packet.begin >= s->time ? packet.begin : s->time;
        s->latest = good && packet.end >= s->time ? packet.end : UINT64_MAX;
        s->begun = true;
        return true;
    }
    return false;
}

static void pass_over_rest(struct ctf *ctf, struct ctf_stream *s)
{
    damaged(ctf, "%s: damaged at byte %zu; the %zu bytes from there are passed over", s->path, s->at,
            s->end - s->at);
    s->at = s->end;
}

/* Takes the event at the stream's place apart. Returns how many bytes it has; 0 when there is none. */
static size_t decode(const struct ctf *ctf, struct ctf_event *event)
{
    const struct ctf_stream *s = &ctf->events;
    const char *begin = s->bytes + s->at;
    size_t left = s->end - s->at, length = sizeof(struct lc_trace_event);
    struct lc_trace_extended extended = {.id = 0};
    struct lc_trace_event e;
    if (left < sizeof e)
        return 0;
    memcpy(&e, begin, sizeof e);
    *event = (struct ctf_event){.id = e.id, .time = s->time + (uint32_t)(e.time - (uint32_t)s->time)};
    if (e.id == LC_TRACE_EXTENDED) {
        const size_t more = sizeof extended - offsetof(struct lc_trace_event, thread);
        length += more;
        if (left < length)
            return 0;
        memcpy(&extended, begin, sizeof extended);
        memcpy(&e, begin + more, sizeof e);
        event->id = extended.id;
        event->time = extended.time;
    }
    if (!ctf_operation(ctf, event->id))
        return 0;
    event->thread = e.thread;
    event->step = ctf->step + (uint32_t)(e.step - (uint32_t)ctf->step);
    if (event->id == LC_TRACE_SWITCH) {
        event->next = e.next;
        event->state = e.state;
        event->enabled = e.enabled;
    } else {
        event->object = e.object;
    }
    if (ctf->has_argument[event->id]) {
        if (left < length + sizeof event->argument)
            return 0;
        memcpy(&event->argument, begin + length, sizeof event->argument);
        length += sizeof event->argument;
    }
    return length;
}

static bool plausible(const struct ctf *ctf, const struct ctf_event *event)
{
    return (event->time > ctf->events.time || !ctf->number) && event->time <= ctf->events.latest &&
           event->thread < LC_MAX_THREADS && event->object < OBJECTS_MAX && event->next < LC_MAX_THREADS &&
           event->state <= LC_TRACE_ENDED && event->step - ctf->step < STEPS_BETWEEN;
}

static void check_end(struct ctf *ctf)
{
    uint64_t number = ctf->number;
    if (ctf->expected > number)
        damaged(ctf, "%s: the last %" PRIu64 " of %" PRIu64 " events are missing", ctf->directory,
                ctf->expected - number, ctf->expected);
    ctf->expected = 0;
}

bool ctf_next(struct ctf *ctf, struct ctf_event *event)
{
    struct ctf_stream *s = &ctf->events;
    size_t length = 0;
    while (!length) {
        if (s->at == s->end) {
            if (!next_packet(ctf, s, ctf->number - s->before)) {
                check_end(ctf);
                return false;
            }
            ctf->number = s->before;
            continue;
        }
        length = decode(ctf, event);
        if (!length || !plausible(ctf, event)) {
            length = 0;
            pass_over_rest(ctf, s);
        }
    }
    s->at += length;
    s->time = event->time;
    ctf->step = event->step;
    ctf->number++;
    if (!ctf->first)
        ctf->first = ctf->number;
    return true;
}

/* ---- names ---- */

/* The text at the stream's place, which then lies behind it; NULL when it has no end. */
static char *take_text(struct ctf_stream *s, size_t *at)
{
    char *text = s->bytes + *at;
    char *end = *at < s->end ? memchr(text, 0, s->end - *at) : NULL;
    if (!end)
        return NULL;
    *at += (size_t)(end - text) + 1;
    return text;
}

static char *shown(const char *text)
{
    size_t length = strnlen(text, NAME_SHOWN);
    char *copy = copy_bytes(text, length);
    make_utf8(copy, length);
    for (char *c = copy; *c; c++)
        if (*c == '\n' || *c == '\t' || *c == '"' || *c == '\\')
            *c = *c == '"' ? '\'' : *c == '\\' ? '/' : ' '; /* a name is in a line, and in quotes */
    return copy;
}

static void replace_text(char **old, char *new)
{
    free(*old);
    *old = new;
}

static struct ctf_object *object_of(struct ctf *ctf, uint32_t number)
{
    if (number >= OBJECTS_MAX)
        return NULL;
    if (number >= ctf->object_count) {
        size_t count = ctf->object_count ? ctf->object_count : 256;
        while (count <= number)
            count *= 2;
        ctf->objects = reallocate(ctf->objects, count * sizeof *ctf->objects);
        memset(ctf->objects + ctf->object_count, 0, (count - ctf->object_count) * sizeof *ctf->objects);
        ctf->object_count = count;
    }
    return &ctf->objects[number];
}

static bool take_object(struct ctf *ctf, struct ctf_stream *s, uint32_t number, size_t *at)
{
    struct ctf_object *object = object_of(ctf, number);
    uint64_t address;
    if (!object || s->end - *at < sizeof address + 1)
        return false;
    memcpy(&address, s->bytes + *at, sizeof address);
    uint8_t frames = (uint8_t)s->bytes[*at + sizeof address];
    *at += sizeof address + 1;
    if (frames > LC_TRACE_SITE || s->end - *at < frames * sizeof *object->site)
        return false;
    const char *site = s->bytes + *at;
    *at += frames * sizeof *object->site;
    const char *kind = take_text(s, at), *name = kind ? take_text(s, at) : NULL;
    if (!name)
        return false;
    object->known = true;
    object->address = address;
    if (frames) {
        object->frames = frames;
        memcpy(object->site, site, frames * sizeof *object->site);
    }
    replace_text(&object->kind, shown(kind));
    if (strcmp(name, LC_TRACE_NO_NAME) != 0)
        replace_text(&object->name, shown(name));
    return true;
}

static void read_names(struct ctf *ctf)
{
    struct ctf_stream *s = &ctf->names;
    while (next_packet(ctf, s, 0))
        while (s->at < s->end) {
            struct lc_trace_name name;
            size_t at = s->at + sizeof name;
            bool good = at <= s->end;
            if (good)
                memcpy(&name, s->bytes + s->at, sizeof name);
            if (good && name.id == LC_TRACE_OBJECT) {
                good = take_object(ctf, s, name.number, &at);
            } else if (good) {
                const char *text = take_text(s, &at);
                good = name.id == LC_TRACE_THREAD && name.number < LC_MAX_THREADS && text;
                if (good && *text)
                    replace_text(&ctf->threads[name.number], shown(text));
            }
            if (!good) {
                pass_over_rest(ctf, s);
                break;
            }
            s->at = at;
        }
}

/* ---- metadata: text that tool/ctf.c writes, one thing a line ---- */

/* Lines `"TEXT" = NUMBER,` behind the line that begins with `head`. */
static void read_labels(struct ctf *ctf, const char *head, void (*take)(struct ctf *, uint64_t, char *))
{
    const char *at = ctf->metadata ? strstr(ctf->metadata, head) : NULL;
    while (at && (at = strchr(at, '\n'))) {
        at += 1 + strspn(at + 1, " ");
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        uint64_t number;
        char after;
        if (!end || sscanf(end + 1, " = %" SCNu64 "%c", &number, &after) != 2 || after != ',')
            return;
        char *text = copy_bytes(at + 1, (size_t)(end - at - 1));
        char *plain = shown(text);
        free(text);
        take(ctf, number, plain);
    }
}

static void take_thread_label(struct ctf *ctf, uint64_t number, char *text)
{
    if (number < LC_MAX_THREADS)
        replace_text(&ctf->threads[number], text);
    else
        free(text);
}

static void take_object_label(struct ctf *ctf, uint64_t number, char *text)
{
    struct ctf_object *object = number && number < OBJECTS_MAX ? object_of(ctf, (uint32_t)number) : NULL;
    if (object)
        replace_text(&object->name, text);
    else
        free(text);
}

/* event { name = "lock"; id = 9; ... */
static void read_operations(struct ctf *ctf)
{
    static const char head[] = "event { name = \"";
    for (const char *at = ctf->metadata; at && (at = strstr(at, head));) {
        at += strlen(head);
        const char *end = strchr(at, '"');
        unsigned id, stream;
        if (!end)
            return;
        const char *close = strstr(end, "}; };"), *argument = strstr(end, "int64_t");
        if (sscanf(end, "\"; id = %u; stream_id = %u;", &id, &stream) == 2 && id <= LC_TRACE_SWITCH &&
            stream == LC_TRACE_EVENTS && close) {
            replace_text(&ctf->operations[id], copy_bytes(at, (size_t)(end - at)));
            ctf->has_argument[id] = argument && argument < close && argument[-1] != 'u';
        }
        at = end;
    }
}

char *ctf_environment(const struct ctf *ctf, const char *key)
{
    char *head = print_text("\n    %s = ", key);
    const char *at = ctf->metadata ? strstr(ctf->metadata, head) : NULL, *end;
    char *text = NULL;
    if (at) {
        at += strlen(head);
        end = *at == '"' ? strchr(++at, '"') : strchr(at, ';');
        text = end ? copy_bytes(at, (size_t)(end - at)) : NULL;
    }
    free(head);
    return text;
}

static void read_metadata(struct ctf *ctf)
{
    char *path = print_text("%s/" LC_TRACE_METADATA, ctf->directory);
    ctf->metadata = read_whole_file(path, NULL);
    if (!ctf->metadata)
        damaged(ctf, "%s: %s; what is in it is taken from this lockcheck", path, read_problem(errno));
    read_operations(ctf);
    bool whole = ctf->metadata && strstr(ctf->metadata, LC_TRACE_METADATA_END);
    if (ctf->metadata && !whole)
        damaged(ctf, "%s: cut or damaged; what is not there is taken from this lockcheck", path);
    for (unsigned i = 1; !whole && i <= LC_TRACE_SWITCH; i++)
        if (!ctf->operations[i] && (i == LC_TRACE_SWITCH || strcmp(lc_op_name(i), "?") != 0)) {
            ctf->operations[i] = copy_text(i == LC_TRACE_SWITCH ? "sched_switch" : lc_op_name(i));
            ctf->has_argument[i] = lc_trace_has_argument(i);
        }
    read_labels(ctf, "enum thread ", take_thread_label);
    read_labels(ctf, "enum object ", take_object_label);
    char *events = ctf_environment(ctf, "events");
    if (events)
        ctf->expected = strtoull(events, NULL, 10);
    free(events);
    free(path);
}

/* ---- questions ---- */

/* Where the program's code was when it made the object, "function (file:line)"; NULL when it is not known. */
static const char *maker(struct ctf *ctf, const struct ctf_object *object)
{
    const struct symbol **symbols = NULL;
    size_t lines = symbolize_stack(ctf->symbolizer, object->site, object->frames, &symbols);
    const char *found = NULL;
    for (size_t i = 0; i < lines && !found; i++)
        if (strchr(symbols[i]->text, '(') && !strstr(symbols[i]->text, "/lockcheck.h:"))
            found = symbols[i]->text;
    free(symbols);
    return found;
}

/* As evidence_describe() calls it: the variable that it is; else what it is and where it was made. */
static void find_name(struct ctf *ctf, struct ctf_object *object)
{
    if (!ctf->symbolizer) {
        char *path = print_text("%s/" LC_TRACE_MAPS, ctf->directory);
        char *maps = read_whole_file(path, NULL);
        ctf->symbolizer = symbolizer_new(maps ? maps : "");
        free(maps);
        free(path);
    }
    const char *variable = symbolize_variable(ctf->symbolizer, object->address);
    const char *made_by = variable || !object->frames ? NULL : maker(ctf, object);
    if (variable)
        object->name = shown(variable);
    else if (made_by)
        object->name = print_text("%s created by %s", object->kind, made_by);
}

static const char *by_number(struct ctf *ctf, const char *kind, uint32_t number)
{
    replace_text(&ctf->number_text, print_text("%s #%" PRIu32, kind, number));
    return ctf->number_text;
}

const char *ctf_thread(struct ctf *ctf, uint32_t thread)
{
    if (thread == LC_TIME)
        return "time";
    if (thread >= LC_MAX_THREADS)
        return "?";
    if (!ctf->threads[thread])
        ctf->threads[thread] = print_text("thread %" PRIu32, thread);
    return ctf->threads[thread];
}

const char *ctf_object(struct ctf *ctf, uint32_t number)
{
    if (!number)
        return "";
    struct ctf_object *object = number < ctf->object_count ? &ctf->objects[number] : NULL;
    if (!object || (!object->name && !object->known))
        return by_number(ctf, "object", number);
    if (!object->name)
        find_name(ctf, object);
    if (!object->name)
        object->name = print_text("%s #%" PRIu32, object->kind, number);
    return object->name;
}

const char *ctf_kind(struct ctf *ctf, uint32_t number)
{
    const char *kind = number < ctf->object_count ? ctf->objects[number].kind : NULL;
    return kind ? kind : "object";
}

const char *ctf_operation(const struct ctf *ctf, uint32_t id)
{
    return id <= LC_TRACE_SWITCH ? ctf->operations[id] : NULL;
}

/* ---- open and close ---- */

int ctf_read(struct ctf *ctf, const char *directory)
{
    *ctf = (struct ctf){.directory = copy_text(directory)};
    ctf->threads = allocate(LC_MAX_THREADS * sizeof *ctf->threads);
    ctf->operations = allocate((LC_TRACE_SWITCH + 1) * sizeof *ctf->operations);
    ctf->has_argument = allocate((LC_TRACE_SWITCH + 1) * sizeof *ctf->has_argument);
    if (find_files(ctf) != 0)
        return -1;
    if (!ctf->events.count && !ctf->names.count) {
        complain("%s: there is no trace; one is written by \"lockcheck run --ctf %s -- PROGRAM\"", directory,
                 directory);
        return -1;
    }
    if (!ctf->events.count)
        damaged(ctf, "%s: there are no events in it", directory);
    if (!ctf->names.count)
        damaged(ctf, "%s: the file of names is missing; numbers stand for those that are nowhere else",
                directory);
    read_names(ctf);
    read_metadata(ctf);
    return 0;
}

static void close_stream(struct ctf_stream *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->files[i].path);
    free(s->files);
    free(s->bytes);
}

void ctf_close(struct ctf *ctf)
{
    close_stream(&ctf->events);
    close_stream(&ctf->names);
    for (size_t i = 0; ctf->threads && i < LC_MAX_THREADS; i++)
        free(ctf->threads[i]);
    for (size_t i = 0; ctf->operations && i <= LC_TRACE_SWITCH; i++)
        free(ctf->operations[i]);
    for (size_t i = 0; i < ctf->object_count; i++) {
        free(ctf->objects[i].kind);
        free(ctf->objects[i].name);
    }
    free(ctf->threads);
    free(ctf->operations);
    free(ctf->has_argument);
    free(ctf->objects);
    free(ctf->metadata);
    free(ctf->directory);
    free(ctf->number_text);
    symbolizer_free(ctf->symbolizer);
    *ctf = (struct ctf){0};
}
