/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces' directories and metadata: see ctf.h. */
#include "lockcheck/tool/ctf.h"
#include "lockcheck/runtime/runtime.h"
#include "lockcheck/runtime/trace.h"
#include "lockcheck/tool/ctfread.h"
#include "lockcheck/tool/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE "/* CTF 1.8 */\n"
#define SECOND_LINE "/* a trace of lockcheck */\n"
#define METADATA_NEXT ".metadata-next"
#define SLACK 4096u      /* bytes of a packet that may stay unused */
#define LABELS_MAX 1000u /* objects with a label, the most used: readers look through all for each event */

/* ---- TSDL ---- */

/* Integers lie where the fields before them end. */
static const char head_text[] = FIRST_LINE SECOND_LINE
    "\n"
    "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
    "typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
    "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
    "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
    "typealias integer { size = 64; align = 8; signed = true; } := int64_t;\n"
    "typealias integer { size = 64; align = 8; signed = false; base = hex; } := address_t;\n"
    "\n"
    "trace {\n"
    "    major = 1;\n"
    "    minor = 8;\n"
    "    byte_order = le;\n"
    "    packet.header := struct {\n"
    "        uint32_t magic;\n"
    "        uint32_t stream_id;\n"
    "        uint64_t stream_instance_id;\n"
    "    };\n"
    "};\n"
    "\n";

static const char clock_text[] =
    "clock {\n"
    "    name = \"virtual\";\n"
    "    description = \"virtual time; events at one time are a nanosecond apart\";\n"
    "    freq = 1000000000;\n"
    "    offset_s = %lld;\n"
    "    offset = 0;\n"
    "};\n"
    "\n"
    "typealias integer { size = 64; align = 8; signed = false; map = clock.virtual.value; } := time_t;\n"
    "typealias integer { size = 32; align = 8; signed = false; map = clock.virtual.value; } := time_32_t;\n"
    "\n"
    "/* In the 16 bytes before it: how many events are in the packets before, and whether it is a ring. */\n"
    "struct packet_context {\n"
    "    uint64_t content_size;\n"
    "    uint64_t packet_size;\n"
    "    time_t timestamp_begin;\n"
    "    time_t timestamp_end;\n"
    "    uint64_t packet_seq_num;\n"
    "} align(256);\n"
    "\n"
    "struct event_header {\n"
    "    enum : uint16_t { compact = 0 ... 65534, extended = 65535 } id;\n"
    "    variant <id> {\n"
    "        struct {\n"
    "            time_32_t timestamp;\n"
    "        } compact;\n"
    "        struct {\n"
    "            uint32_t id;\n"
    "            time_t timestamp;\n"
    "        } extended;\n"
    "    } v;\n"
    "};\n"
    "\n"
    "struct name_header {\n"
    "    time_t timestamp;\n"
    "    uint16_t id;\n"
    "};\n"
    "\n";

static const char streams_text[] =
    "enum state : uint8_t {\n"
    "    \"preempted\" = 0,\n"
    "    \"waits\" = 1,\n"
    "    \"ended\" = 2,\n"
    "};\n"
    "\n"
    "stream {\n"
    "    id = 0;\n"
    "    packet.context := struct packet_context;\n"
    "    event.header := struct event_header;\n"
    "    event.context := struct {\n"
    "        enum thread vtid;\n"
    "        uint32_t step;\n"
    "    };\n"
    "};\n"
    "\n"
    "stream {\n"
    "    id = 1;\n"
    "    packet.context := struct packet_context;\n"
    "    event.header := struct name_header;\n"
    "};\n"
    "\n"
    "event { name = \"thread_name\"; id = 0; stream_id = 1; fields := struct {\n"
    "    uint32_t vtid;\n"
    "    string name;\n"
    "}; };\n"
    "event { name = \"object_name\"; id = 1; stream_id = 1; fields := struct {\n"
    "    uint32_t object;\n"
    "    address_t address;\n"
    "    uint8_t frames;\n"
    "    address_t site[frames];\n"
    "    string kind;\n"
    "    string name;\n"
    "}; };\n"
    "event { name = \"sched_switch\"; id = 256; stream_id = 0; fields := struct {\n"
    "    enum thread next_tid;\n"
    "    enum state prev_state;\n"
    "    uint8_t enabled;\n"
    "}; };\n";

_Static_assert(LC_TRACE_EVENTS == 0 && LC_TRACE_NAMES == 1 && LC_TRACE_THREAD == 0 && LC_TRACE_OBJECT == 1 &&
                   LC_TRACE_SWITCH == 256 && LC_TRACE_PREEMPTED == 0 && LC_TRACE_ENDED == 2,
               "numbers of the texts above");

/* As C has them: names of classes are words. */
static char *class_name(unsigned op)
{
    char *name = copy_text(lc_op_name(op));
    for (char *c = name; *c; c++)
        if (*c == ' ')
            *c = '_';
    return name;
}

static void put_classes(FILE *out)
{
    for (unsigned op = 1; op < LC_TRACE_SWITCH; op++) {
        char *name = class_name(op);
        if (strcmp(name, "?") != 0)
            fprintf(out,
                    "event { name = \"%s\"; id = %u; stream_id = 0; fields := struct {\n"
                    "    enum object object;\n%s"
                    "}; };\n",
                    name, op,
                    op == LC_OP_FILE_DONE       ? "    int64_t ret;\n"
                    : lc_trace_has_argument(op) ? "    int64_t argument;\n"
                                                : "");
        free(name);
    }
}

/* Quotes and control characters would end the text. */
static void put_quoted(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(*text == '"' ? '\'' : *text == '\\' ? '/' : (unsigned char)*text < ' ' ? ' ' : *text, out);
}

static void put_environment(FILE *out, const struct ctf_facts *facts, uint64_t events)
{
    fprintf(out, "env {\n    tracer_name = \"lockcheck\";\n    tracer_version = \"" LOCKCHECK_VERSION
                 "\";\n    program = \"");
    put_quoted(out, facts->program->path);
    fprintf(out, "\";\n    arguments = \"");
    for (char **argument = facts->program->argv + 1; *argument; argument++) {
        put_quoted(out, *argument);
        if (argument[1])
            fputc(' ', out);
    }
    fprintf(out,
            "\";\n    build_id = \"%s\";\n    strategy = \"%s\";\n    seed = \"%" PRIu64
            "\";\n    schedule = \"%" PRIu64 "\";\n",
            facts->program->build_id, facts->strategy, facts->seed, facts->schedule);
    if (facts->ending)
        fprintf(out,
                "    ending = \"%s\";\n    steps = \"%" PRIu64 "\";\n    events = \"%" PRIu64
                "\";\n    execution_hash = \"%016" PRIx64 "\";\n",
                facts->ending, facts->steps, events, facts->hash);
    fputs("};\n\n", out);
}

/* ---- enumerations ---- */

struct label {
    uint32_t number;
    uint64_t uses; /* in events */
    char *text;
    bool shared; /* with others */
};

static int by_uses(const void *a, const void *b)
{
    const struct label *left = a, *right = b;
    if (left->uses != right->uses)
        return left->uses < right->uses ? 1 : -1;
    return (left->number > right->number) - (left->number < right->number);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct label *)a)->text, ((const struct label *)b)->text);
}

static int by_number(const void *a, const void *b)
{
    const struct label *left = a, *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

/* Where several have one name, the number goes behind it. */
static void make_unique(struct label *labels, size_t count)
{
    qsort(labels, count, sizeof *labels, by_text);
    for (size_t i = 1; i < count; i++)
        if (strcmp(labels[i].text, labels[i - 1].text) == 0)
            labels[i].shared = labels[i - 1].shared = true;
    for (size_t i = 0; i < count; i++)
        if (labels[i].shared) {
            char *text = print_text("%s #%" PRIu32, labels[i].text, labels[i].number);
            free(labels[i].text);
            labels[i].text = text;
        }
    qsort(labels, count, sizeof *labels, by_number);
}

static void put_enumeration(FILE *out, const char *name, const char *type, const struct label *labels,
                            size_t count)
{
    fprintf(out, "enum %s : %s {\n", name, type);
    for (size_t i = 0; i < count; i++) {
        fputs("    \"", out);
        put_quoted(out, labels[i].text);
        fprintf(out, "\" = %" PRIu32 ",\n", labels[i].number);
    }
    fputs("};\n\n", out);
}

/* What has been seen in the events. */
struct seen {
    uint64_t *objects; /* how often, by number */
    size_t object_count;
    bool threads[LC_MAX_THREADS];
};

static void see_object(struct seen *seen, uint32_t object)
{
    if (object >= seen->object_count) {
        size_t count = seen->object_count ? seen->object_count : 256;
        while (count <= object)
            count *= 2;
        seen->objects = reallocate(seen->objects, count * sizeof *seen->objects);
        memset(seen->objects + seen->object_count, 0, (count - seen->object_count) * sizeof *seen->objects);
        seen->object_count = count;
    }
    seen->objects[object]++;
}

static void see_all(struct seen *seen, struct ctf *ctf)
{
    struct ctf_event event;
    while (ctf_next(ctf, &event)) {
        seen->threads[event.thread] = true;
        if (event.id == LC_TRACE_SWITCH)
            seen->threads[event.next] = true;
        else if (event.object)
            see_object(seen, event.object);
    }
}

/* Those used most, by number, with one for none; to be freed with their texts. */
static struct label *label_objects(const struct seen *seen, struct ctf *ctf, size_t *count, bool *all)
{
    struct label *labels = NULL;
    size_t found = 0, room = 0;
    for (size_t i = 0; i < seen->object_count; i++) {
        if (!seen->objects[i])
            continue;
        if (found == room)
            labels = reallocate(labels, (room = room ? 2 * room : 64) * sizeof *labels);
        labels[found++] = (struct label){.number = (uint32_t)i, .uses = seen->objects[i]};
    }
    if (found)
        qsort(labels, found, sizeof *labels, by_uses);
    *all = found <= LABELS_MAX;
    *count = *all ? found : LABELS_MAX;
    for (size_t i = 0; i < *count; i++)
        labels[i].text = copy_text(ctf_object(ctf, labels[i].number));
    labels = reallocate(labels, (*count + 1) * sizeof *labels);
    labels[(*count)++] = (struct label){.text = copy_text("none")};
    make_unique(labels, *count);
    return labels;
}

static struct label *label_threads(const struct seen *seen, struct ctf *ctf, size_t *count)
{
    struct label *labels = allocate(LC_MAX_THREADS * sizeof *labels);
    *count = 0;
    for (uint32_t i = 0; i < LC_MAX_THREADS; i++)
        if (seen->threads[i] || i == LC_TIME)
            labels[(*count)++] = (struct label){.number = i, .text = copy_text(ctf_thread(ctf, i))};
    make_unique(labels, *count);
    return labels;
}

static void free_labels(struct label *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(labels[i].text);
    free(labels);
}

/* ---- the metadata ---- */

static int write_under_another_name(const char *directory, const char *other, const char *name,
                                    const char *content, size_t length)
{
    char *path = print_text("%s/%s", directory, name), *next = print_text("%s/%s", directory, other);
    FILE *out = fopen(next, "we");
    bool good = out && fwrite(content, 1, length, out) == length;
    if (out && fclose(out) != 0)
        good = false;
    good = good && rename(next, path) == 0;
    if (!good)
        complain("cannot write %s: %s", path, strerror(errno));
    free(path);
    free(next);
    return good ? 0 : -1;
}

static int write_metadata(const char *directory, const struct ctf_facts *facts, uint64_t events,
                          const struct label *threads, size_t thread_count, const struct label *objects,
                          size_t object_count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return -1;
    fputs(head_text, out);
    put_environment(out, facts, events);
    fprintf(out, clock_text, LC_FIRST_REALTIME_NS / 1000000000ll);
    put_enumeration(out, "thread", "uint16_t", threads, thread_count);
    put_enumeration(out, "object", "uint32_t", objects, object_count);
    fputs(streams_text, out);
    put_classes(out);
    fputs(LC_TRACE_METADATA_END, out);
    fclose(out);
    int result = write_under_another_name(directory, METADATA_NEXT, LC_TRACE_METADATA, text, length);
    free(text);
    return result;
}

/* ---- the directory ---- */

static bool is_of_stream(const char *name)
{
    for (size_t i = 0; i < LC_TRACE_STREAMS; i++) {
        size_t length = strlen(lc_trace_stream_names[i]);
        if (strncmp(name, lc_trace_stream_names[i], length) == 0 && name[length] == '-' &&
            name[length + 1 + strspn(name + length + 1, "0123456789")] == 0)
            return true;
    }
    return false;
}

static bool is_hidden_part(const char *name)
{
    static const char *const parts[] = {LC_TRACE_MAPS, METADATA_NEXT, ".events-next", ".names-next"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(name, parts[i]) == 0)
            return true;
    return false;
}

static bool is_our_metadata(const char *directory)
{
    char *path = print_text("%s/" LC_TRACE_METADATA, directory);
    char *text = read_whole_file(path, NULL);
    bool ours = text && strncmp(text, FIRST_LINE SECOND_LINE, strlen(FIRST_LINE SECOND_LINE)) == 0;
    free(text);
    free(path);
    return ours;
}

/* The metadata go last, or rather stay until there are new ones: they say that the rest may be removed. */
static int clear(const char *directory)
{
    DIR *listing = opendir(directory);
    char *foreign = NULL;
    if (!listing) {
        complain("%s: %s; --ctf names the directory for a trace", directory, strerror(errno));
        return -1;
    }
    bool ours = is_our_metadata(directory);
    for (struct dirent *entry; (entry = readdir(listing));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !is_hidden_part(name) &&
            !(ours && (is_of_stream(name) || strcmp(name, LC_TRACE_METADATA) == 0)) && !foreign)
            foreign = copy_text(name);
    }
    if (foreign)
        complain(
            "%s holds something that is not a trace of lockcheck's: %s; name another directory with --ctf",
            directory, foreign);
    rewinddir(listing);
    for (struct dirent *entry; !foreign && (entry = readdir(listing));)
        if (is_of_stream(entry->d_name) || is_hidden_part(entry->d_name))
            unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    int result = foreign ? -1 : 0;
    free(foreign);
    return result;
}

/* The descriptor stays open: its lock keeps others away until this command ends. */
static int lock(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return 0;
    close(fd);
    complain("another lockcheck is writing to %s; name another directory with --ctf", directory);
    return -1;
}

char *ctf_open(const char *directory, const struct ctf_facts *facts)
{
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        complain("cannot make the directory %s: %s", directory, strerror(errno));
        return NULL;
    }
    char *absolute = realpath(directory, NULL);
    if (!absolute) {
        complain("%s: %s; --ctf names the directory for a trace", directory, strerror(errno));
        return NULL;
    }
    const struct label none[] = {{.text = (char *)"none"}}, time[] = {{.text = (char *)"time"}};
    if (strlen(absolute) < LC_PATH_MAX - 64 && lock(absolute) == 0 && clear(absolute) == 0 &&
        write_metadata(absolute, facts, 0, time, 1, none, 1) == 0)
        return absolute;
    if (strlen(absolute) >= LC_PATH_MAX - 64)
        complain("%s: the path is too long", directory);
    free(absolute);
    return NULL;
}

/* Cuts off what no event has been written to. The file is replaced as a whole: a trace is to be whole at
 * every moment. */
static void trim(const char *directory, const struct ctf_stream *stream)
{
    for (size_t i = 0; i < stream->count; i++) {
        const char *path = stream->files[i].path;
        size_t size;
        struct lc_trace_packet packet;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool slack = fd >= 0 && read(fd, &packet, sizeof packet) == sizeof packet &&
                     packet.packet_bits - packet.content_bits > 8 * SLACK;
        if (fd >= 0)
            close(fd);
        char *bytes = slack ? read_whole_file(path, &size) : NULL;
        if (bytes && packet.content_bits / 8 >= sizeof packet && packet.content_bits / 8 <= size) {
            char *next = print_text(LC_TRACE_NEXT, lc_trace_stream_names[stream->id]);
            packet.packet_bits = packet.content_bits;
            memcpy(bytes, &packet, sizeof packet);
            write_under_another_name(directory, next, strrchr(path, '/') + 1, bytes, packet.content_bits / 8);
            free(next);
        }
        free(bytes);
    }
}

/* What was to become a packet when the process ended. */
static void remove_next(const char *directory)
{
    for (size_t i = 0; i < LC_TRACE_STREAMS; i++) {
        char *path = print_text("%s/" LC_TRACE_NEXT, directory, lc_trace_stream_names[i]);
        unlink(path);
        free(path);
    }
}

int ctf_finish(const char *directory, const struct ctf_facts *facts)
{
    if (facts->error)
        warn("the trace in %s ends before the execution: %s", directory, strerror((int)facts->error));
    struct ctf ctf;
    int result = -1;
    if (ctf_read(&ctf, directory) == 0) {
        struct seen *seen = allocate(sizeof *seen);
        see_all(seen, &ctf);
        size_t thread_count, object_count;
        bool all;
        struct label *objects = label_objects(seen, &ctf, &object_count, &all);
        struct label *threads = label_threads(seen, &ctf, &thread_count);
        trim(directory, &ctf.events);
        trim(directory, &ctf.names);
        result = write_metadata(directory, facts, ctf.number, threads, thread_count, objects, object_count);
        char *maps = print_text("%s/" LC_TRACE_MAPS, directory);
        if (result == 0 && all) /* all names are in the metadata, whatever becomes of the program's file */
            unlink(maps);
        free(maps);
        remove_next(directory);
        free_labels(threads, thread_count);
        free_labels(objects, object_count);
        free(seen->objects);
        free(seen);
    }
    ctf_close(&ctf);
    return result;
}
