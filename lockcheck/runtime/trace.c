/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the trace of an execution: see trace.h for what it consists of and why it is whole at every moment.
 *
 * The program must not notice: the files are opened by system calls and closed as soon as they are mapped,
 * and they are mapped where nothing else is, so that the program's own mappings have the addresses that they
 * have without a trace. What goes wrong, such as a full disk, ends the trace and not the program.
 */
#include "lockcheck/runtime/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/runtime/runtime.h"
#include <lockcheck.h>

_Static_assert(LC_OP_REQUEST + LOCKCHECK_REQUESTS < LC_TRACE_SWITCH, "numbers of classes of events");

/* Far from where Linux puts programs, libraries, heaps and stacks on x86-64. */
#define PLACE 0x200000000000ull
#define PLACE_BYTES (64ull << 30)

struct stream {
    enum lc_trace_stream id;
    struct lc_trace_packet *packet; /* the newest, mapped; NULL: none, and nothing is written */
    char *at, *end;                 /* of what is free in it */
    size_t bytes;                   /* of a packet */
    uint64_t files;                 /* of a ring; 0: there is no end to them */
    uint64_t events;
};
static struct stream events, names;
static uint64_t now; /* of the newest event */

/* The names of a ring: when so much has been written since all that there is was named last, it is named
 * again, and files from before the time before that are removed. */
static uint64_t named_anew;    /* number of the packet in which that began */
static uint64_t named_between; /* and of the time before */
static uint64_t names_wanted;  /* packets until the next time */
static bool naming_anew;

static void path_of(char path[static LC_PATH_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(path, LC_PATH_MAX, "%s/", lc.channel->trace_directory);
    vsnprintf(path + length, LC_PATH_MAX - (size_t)length, format, arguments);
    va_end(arguments);
}

static void file_of(char path[static LC_PATH_MAX], const struct stream *s, uint64_t sequence)
{
    path_of(path, LC_TRACE_FILE, lc_trace_stream_names[s->id], (unsigned long long)sequence);
}

static long open_file(const char *path, int flags)
{
    return lc_system_call(SYS_openat, AT_FDCWD, (long)path, O_CLOEXEC | flags, 0666);
}

static void give_up(long error)
{
    lc.channel->trace_error = (uint32_t)-error;
    lc.tracing = false;
    events.packet = names.packet = NULL;
}

static void unmap(struct stream *s)
{
    if (s->packet)
        lc_system_call(SYS_munmap, (long)s->packet, (long)s->bytes, 0, 0);
    s->packet = NULL;
}

/* May a file be that large? If not, to make it so would be a signal. */
static bool is_allowed(size_t bytes)
{
    struct rlimit limit;
    return lc_system_call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit) != 0 || limit.rlim_cur >= bytes;
}

/* Room on the disk comes first: a store into a mapping that finds none would be a crash. */
static void *map_next(const struct stream *s, const char *path)
{
    if (!is_allowed(s->bytes))
        return give_up(-EFBIG), NULL;
    long fd = open_file(path, O_RDWR | O_CREAT);
    if (fd < 0)
        return give_up(fd), NULL;
    long result = lc_system_call(SYS_fallocate, fd, 0, 0, (long)s->bytes);
    if (result == -EOPNOTSUPP)
        result = lc_system_call(SYS_ftruncate, fd, (long)s->bytes, 0, 0);
    void *memory = MAP_FAILED;
    if (result == 0) {
        char *place = (char *)PLACE + s->id * PLACE_BYTES;
        memory = (void *)syscall(SYS_mmap, place, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (memory == MAP_FAILED)
            result = -errno;
    }
    lc_system_call(SYS_close, fd, 0, 0, 0);
    if (result < 0)
        return give_up(result), NULL;
    lc_system_call(SYS_madvise, (long)memory, (long)s->bytes, MADV_POPULATE_WRITE, 0);
    return memory;
}

bool lc_trace_is_at(uintptr_t address)
{
    return address >= PLACE && address < PLACE + LC_TRACE_STREAMS * PLACE_BYTES;
}

static bool next_packet(struct stream *s)
{
    int error = errno;
    uint8_t quiet = lc_quiet_pause();
    static char path[LC_PATH_MAX], next[LC_PATH_MAX]; /* a program's stacks may be small */
    uint64_t sequence = s->packet ? s->packet->sequence + 1 : 0;
    unmap(s);
    path_of(next, LC_TRACE_NEXT, lc_trace_stream_names[s->id]);
    if (s->files && sequence >= s->files) {
        file_of(path, s, sequence - s->files);
        lc_system_call(SYS_rename, (long)path, (long)next, 0, 0);
    }
    struct lc_trace_packet *packet = map_next(s, next);
    if (packet) {
        *packet = (struct lc_trace_packet){.magic = LC_TRACE_MAGIC,
                                           .stream = s->id,
                                           .content_bits = 8 * sizeof *packet,
                                           .packet_bits = 8 * s->bytes,
                                           .begin = now,
                                           .end = now,
                                           .sequence = sequence,
                                           .events_before = s->events,
                                           .ring = lc.channel->trace_events > 0};
        file_of(path, s, sequence);
        long result = lc_system_call(SYS_rename, (long)next, (long)path, 0, 0);
        if (result < 0) {
            give_up(result);
            packet = NULL;
        }
    }
    lc_quiet_resume(quiet);
    errno = error;
    if (!packet)
        return false;
    s->packet = packet;
    s->at = (char *)(packet + 1);
    s->end = (char *)packet + s->bytes;
    return true;
}

/* What lies between at and the new end is whole. A process may end between these two stores. */
static void complete(struct stream *s, char *end)
{
    s->at = end;
    s->events++;
    s->packet->end = now;
    __atomic_store_n(&s->packet->content_bits, 8 * (uint64_t)(end - (char *)s->packet), __ATOMIC_RELEASE);
}

/* Begins an event; the caller puts the rest at what is returned. NULL: there is no trace any more. */
static struct lc_trace_event *begin_event(unsigned id, uint32_t thread)
{
    if (unlikely((size_t)(events.end - events.at) < LC_TRACE_EVENT_MOST) && !next_packet(&events))
        return NULL;
    uint64_t before = now;
    now = (uint64_t)lc.now_ns > now ? (uint64_t)lc.now_ns : now + 1;
    struct lc_trace_event *e = (struct lc_trace_event *)events.at;
    if (unlikely(now - before > UINT32_MAX)) {
        *(struct lc_trace_extended *)e =
            (struct lc_trace_extended){.extended = LC_TRACE_EXTENDED, .id = id, .time = now};
        e = (struct lc_trace_event *)(events.at + sizeof(struct lc_trace_extended) -
                                      offsetof(struct lc_trace_event, thread));
    } else {
        e->id = (uint16_t)id;
        e->time = (uint32_t)now;
    }
    e->thread = (uint16_t)thread;
    e->step = (uint32_t)lc.channel->steps;
    return e;
}

void lc_trace_event(unsigned op, const struct lc_object *object, int64_t argument)
{
    struct lc_trace_event *e = begin_event(op, op == LC_OP_TIME ? LC_TIME : lc_self->id);
    if (unlikely(!e))
        return;
    e->object = object ? object->id : 0;
    char *end = (char *)(e + 1);
    if (lc_trace_has_argument(op)) {
        memcpy(end, &argument, sizeof argument);
        end += sizeof argument;
    }
    complete(&events, end);
}

void lc_trace_switch(const struct lc_choice *choice, uint32_t chosen)
{
    if (chosen == choice->current || chosen == LC_TIME)
        return;
    struct lc_trace_event *e = begin_event(LC_TRACE_SWITCH, choice->current);
    if (unlikely(!e))
        return;
    e->next = (uint16_t)chosen;
    e->state = choice->current_enabled         ? LC_TRACE_PREEMPTED
               : lc_self->state == LC_FINISHED ? LC_TRACE_ENDED
                                               : LC_TRACE_WAITS;
    e->enabled = choice->count < UINT8_MAX ? (uint8_t)choice->count : UINT8_MAX;
    complete(&events, (char *)(e + 1));
}

/* ---- names ---- */

static void name_all(void)
{
    for (uint32_t i = 1; i <= lc_thread_count(); i++)
        lc_trace_thread(lc_thread_by_number(i));
    for (const struct lc_object *o = lc_objects; o; o = o->all_next)
        if (!o->destroyed)
            lc_trace_object(o, false);
}

static void remove_names(uint64_t from, uint64_t to)
{
    static char path[LC_PATH_MAX];
    for (uint64_t i = from; i < to; i++) {
        file_of(path, &names, i);
        lc_system_call(SYS_unlink, (long)path, 0, 0, 0);
    }
}

/* The names of a program that makes objects for ever must not fill the disk when its events do not. */
static void name_anew(void)
{
    uint64_t packet = names.packet->sequence;
    if (!lc.channel->trace_events || naming_anew || packet - named_anew < names_wanted)
        return;
    naming_anew = true;
    remove_names(named_between, named_anew);
    named_between = named_anew;
    named_anew = packet;
    name_all();
    if (names.packet)
        names_wanted = 2 * (names.packet->sequence - named_anew + 1);
    naming_anew = false;
}

#define NAME_BYTES (sizeof(struct lc_trace_name) + 8 + 1 + 8 * LC_TRACE_SITE + 2 * LC_NAME_MAX)

static struct lc_trace_name *next_name(enum lc_trace_name_id id, uint32_t number)
{
    while ((size_t)(names.end - names.at) < NAME_BYTES) {
        if (!next_packet(&names))
            return NULL;
        name_anew();
        if (!lc.tracing)
            return NULL;
    }
    struct lc_trace_name *n = (struct lc_trace_name *)names.at;
    *n = (struct lc_trace_name){.time = now, .id = (uint16_t)id, .number = number};
    return n;
}

static char *put_text(char *at, const char *text)
{
    size_t length = strnlen(text, LC_NAME_MAX - 1);
    memcpy(at, text, length);
    at[length] = 0;
    return at + length + 1;
}

void lc_trace_thread(const struct lc_thread *thread)
{
    struct lc_trace_name *n = lc.tracing ? next_name(LC_TRACE_THREAD, thread->id) : NULL;
    if (n)
        complete(&names, put_text((char *)(n + 1), thread->name));
    if (thread->self)
        lc_trace_object(thread->self, false);
}

/* made: this is where it is made. */
static uint8_t site_of(const struct lc_object *object, bool made, void **site)
{
    if (object->kind == LC_KIND_MEMORY || (!made && !object->created))
        return 0;
    if (!object->created)
        return (uint8_t)lc_backtrace(site, LC_TRACE_SITE);
    uint8_t frames = object->created_frames < LC_TRACE_SITE ? (uint8_t)object->created_frames : LC_TRACE_SITE;
    memcpy(site, object->created, frames * sizeof *site);
    return frames;
}

void lc_trace_object(const struct lc_object *object, bool made)
{
    struct lc_trace_name *n = lc.tracing ? next_name(LC_TRACE_OBJECT, object->id) : NULL;
    if (!n)
        return;
    void *site[LC_TRACE_SITE];
    uint8_t frames = site_of(object, made, site);
    uint64_t address = object->address - (object->kind == LC_KIND_MEMORY);
    const char *name = object->name ? object->name : LC_TRACE_NO_NAME;
    if (object->kind == LC_KIND_THREAD && object->value)
        name = lc_thread_by_number((uint32_t)object->value)->name;
    char *at = (char *)(n + 1);
    memcpy(at, &address, sizeof address);
    at += sizeof address;
    *at++ = (char)frames;
    memcpy(at, site, frames * sizeof *site);
    at = put_text(at + frames * sizeof *site, lc_object_kind_name(object));
    complete(&names, put_text(at, name));
}

/* ---- the beginning ---- */

static void copy_maps(void)
{
    static char path[LC_PATH_MAX], block[4096];
    path_of(path, "%s", LC_TRACE_MAPS);
    long from = open_file("/proc/self/maps", O_RDONLY), to = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (from >= 0 && to >= 0)
        for (long n; (n = lc_system_call(SYS_read, from, (long)block, sizeof block, 0)) > 0;)
            if (lc_system_call(SYS_write, to, (long)block, n, 0) != n)
                break;
    if (from >= 0)
        lc_system_call(SYS_close, from, 0, 0, 0);
    if (to >= 0)
        lc_system_call(SYS_close, to, 0, 0, 0);
}

void lc_trace_begin(void)
{
    const struct lc_channel *c = lc.channel;
    lc.tracing = c->flags & LC_FLAG_TRACE;
    if (!lc.tracing)
        return;
    const uint64_t most = (LC_TRACE_CHUNK - sizeof(struct lc_trace_packet)) / LC_TRACE_EVENT_MOST;
    uint64_t of_packet = most, wanted = c->trace_events; /* events */
    if (wanted && wanted / LC_TRACE_RING_FILES < most)
        of_packet = wanted / LC_TRACE_RING_FILES > LC_TRACE_RING_LEAST ? wanted / LC_TRACE_RING_FILES
                                                                       : LC_TRACE_RING_LEAST;
    now = (uint64_t)lc.now_ns;
    events = (struct stream){
        .id = LC_TRACE_EVENTS,
        .bytes = sizeof(struct lc_trace_packet) + of_packet * LC_TRACE_EVENT_MOST,
        .files = wanted ? (wanted + of_packet - 1) / of_packet + 1 : 0,
    };
    names = (struct stream){.id = LC_TRACE_NAMES, .bytes = LC_TRACE_NAMES_CHUNK};
    names_wanted = 2;
    copy_maps();
    name_all();
    if (lc.tracing)
        next_packet(&events);
}
