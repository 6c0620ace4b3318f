/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a trace that lockcheck has written: see lockcheck/runtime/trace.h for what it consists of.
 *
 * It reads what is left of a trace that was cut or damaged, and says on standard error what is not: readers
 * of CTF in general, such as libbabeltrace2, stop at the first packet that is not whole, and have to look up
 * in the metadata what each bit means, which takes them a hundred times as long. Nothing but the names and
 * the words of the metadata is used, so it is only needed for words.
 */
#ifndef LOCKCHECK_TOOL_CTFREAD_H
#define LOCKCHECK_TOOL_CTFREAD_H

#include "lockcheck/runtime/trace.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctf_file {
    char *path;
    uint64_t sequence;
};

/* All packets of a stream, in order. */
struct ctf_stream {
    struct ctf_file *files;
    size_t count, next;
    enum lc_trace_stream id;
    char *bytes; /* of the packet that is being read */
    const char *path;
    size_t at, end;
    uint64_t before; /* events before those in it */
    uint64_t time;   /* of the newest event, or the packet's begin */
    uint64_t latest; /* the packet's end, as far as it can be relied on */
    bool begun;
};

struct ctf_event {
    uint64_t time, step;
    uint32_t id;     /* of its class */
    uint32_t thread; /* 0: time */
    uint32_t object; /* 0: none */
    int64_t argument;
    uint32_t next, state, enabled; /* LC_TRACE_SWITCH, see struct lc_trace_event */
};

struct ctf_object {
    char *kind, *name; /* name: as given by the program, or found out; NULL: not yet known */
    uint64_t address;
    uint64_t site[LC_TRACE_SITE];
    uint8_t frames;
    bool known;
};

struct ctf {
    char *directory;
    struct ctf_stream events, names;
    char *metadata;    /* its text, or NULL */
    bool damaged;      /* something has been said */
    uint64_t expected; /* events that there were at the end, as the metadata say; 0: they do not say */
    uint64_t number;   /* of the newest event read, from 1 */
    uint64_t first;    /* of the first one, 0: none has been read */
    char **threads;    /* LC_MAX_THREADS */
    struct ctf_object *objects;
    size_t object_count;
    char **operations;  /* names of event classes; LC_TRACE_SWITCH + 1 */
    bool *has_argument; /* as many */
    uint64_t step;      /* of the newest event */
    struct symbolizer *symbolizer;
    char *number_text; /* what an object without a name was called last */
};

/* Finds the files and reads the names. Returns 0, or -1 after saying why there is nothing to read. Either way
 * ctf_close() it. */
int ctf_read(struct ctf *ctf, const char *directory);
void ctf_close(struct ctf *ctf);

/* The next event. False at the end, after saying what is missing there. */
bool ctf_next(struct ctf *ctf, struct ctf_event *event);

/* Names for users. They belong to ctf; that of an object lasts until the next is asked for. */
const char *ctf_thread(struct ctf *ctf, uint32_t thread);
const char *ctf_object(struct ctf *ctf, uint32_t object); /* "" for none */
const char *ctf_kind(struct ctf *ctf, uint32_t object);
const char *ctf_operation(const struct ctf *ctf, uint32_t id); /* NULL: there is none of that number */

/* A text of the metadata's environment, to be freed; NULL when it is not there. */
char *ctf_environment(const struct ctf *ctf, const char *key);

#endif
