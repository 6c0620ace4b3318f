/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The binary layout of a trace: CTF 1.8 (the Common Trace Format, diamon.org/ctf). What the runtime writes,
 * the command reads, and the metadata that the command writes (tool/ctf.c) tells to everybody else.
 *
 * A trace is a directory. There are two streams, each in files of one packet that have ascending numbers:
 *
 *   events-NNNNNN    struct lc_trace_event's
 *   names-NNNNNN     what threads and objects are called: struct lc_trace_name and the texts after it
 *   metadata         the description of both, in TSDL
 *   .maps            /proc/self/maps of the program, for as long as names are to be looked up there
 *
 * The files are written by stores into shared memory, and content_bits is moved on after an event is whole:
 * so the file is whole whenever and however the process ends. A packet is made under a name that begins with
 * a dot, which no reader takes for a stream, and renamed when it has its head. A ring gives the oldest file's
 * place to the newest.
 *
 * Times are virtual, in nanoseconds, and no two events of the stream have the same: where time stands still
 * they lie one nanosecond apart, or else viewers would show nothing, and files could be put in a wrong order.
 */
#ifndef LOCKCHECK_RUNTIME_TRACE_H
#define LOCKCHECK_RUNTIME_TRACE_H

#include "lockcheck/runtime/runtime.h"

#include <stddef.h>
#include <stdint.h>

#define LC_TRACE_MAGIC 0xc1fc1fc1u
#define LC_TRACE_METADATA "metadata"
#define LC_TRACE_METADATA_END "/* end */\n"
#define LC_TRACE_MAPS ".maps"
#define LC_TRACE_FILE "%s-%06llu" /* stream, number of the packet */
#define LC_TRACE_NEXT ".%s-next"  /* stream */

enum lc_trace_stream { LC_TRACE_EVENTS, LC_TRACE_NAMES, LC_TRACE_STREAMS };
static const char *const lc_trace_stream_names[LC_TRACE_STREAMS] = {"events", "names"};

/* Head and context of a packet. What CTF has no name for lies between them: no field of the metadata is
 * there. */
struct lc_trace_packet {
    uint32_t magic;
    uint32_t stream;        /* enum lc_trace_stream */
    uint64_t instance;      /* 0: all files of a stream are one */
    uint64_t events_before; /* events in the packets before it */
    uint64_t ring;          /* 1: packets before it may have given way to newer ones; 0: all stay */
    uint64_t content_bits, packet_bits;
    uint64_t begin, end; /* times */
    uint64_t sequence;   /* number of the packet in its stream, from 0 */
};

/* The number of an event's class is its enum lc_op or this. */
#define LC_TRACE_SWITCH 0x100u
#define LC_TRACE_EXTENDED 0xffffu /* in its place: struct lc_trace_extended */

/* Small, since most of what an event costs is the memory that it takes: the 16 bytes of an event cost about
 * as much in the kernel as in the runtime. */
struct __attribute__((packed)) lc_trace_event {
    uint16_t id;
    uint32_t time;   /* its lower half: fewer than 2^32 ns after the event before, or the packet's begin */
    uint16_t thread; /* 0: time; LC_TRACE_SWITCH: the thread that ran before */
    uint32_t step;   /* modulo 2^32; 0: before the first */
    union {
        uint32_t object;                 /* 0: none */
        struct __attribute__((packed)) { /* LC_TRACE_SWITCH */
            uint16_t next;
            uint8_t state;   /* of the thread before: enum lc_trace_state */
            uint8_t enabled; /* threads that could have been chosen; 255: or more */
        };
    };
    /* Where lc_trace_has_argument(id): int64_t. */
};

/* The same when more time has passed. */
struct __attribute__((packed)) lc_trace_extended {
    uint16_t extended;
    uint32_t id;
    uint64_t time;
    /* The rest of lc_trace_event, from thread on. */
};

#define LC_TRACE_EVENT_LEAST 16u
#define LC_TRACE_EVENT_MOST 32u

enum lc_trace_state { LC_TRACE_PREEMPTED, LC_TRACE_WAITS, LC_TRACE_ENDED };

/* Of other operations the argument is 0. */
static inline int lc_trace_has_argument(unsigned op)
{
    return op == LC_OP_INIT || op == LC_OP_DESTROY || op == LC_OP_FILE_DONE || op == LC_OP_TIMED_OUT ||
           op == LC_OP_TIME || (op >= LC_OP_REQUEST && op < LC_TRACE_SWITCH);
}

/* A newer name of the same thread or object stands for the older one. */
enum lc_trace_name_id { LC_TRACE_THREAD, LC_TRACE_OBJECT };
#define LC_TRACE_NO_NAME "?" /* not "": babeltrace2 2.0 shows the text before in its place */
#define LC_TRACE_SITE 8u     /* innermost frames of where an object was made */

struct __attribute__((packed)) lc_trace_name {
    uint64_t time;
    uint16_t id; /* enum lc_trace_name_id */
    uint32_t number;
    /* LC_TRACE_THREAD: the name. LC_TRACE_OBJECT: its address (8 bytes), how many frames follow (1 byte), the
     * frames (8 bytes each), the name of its kind, its own name. Texts end with a NUL. */
};

#define LC_TRACE_CHUNK (2u << 20) /* bytes of a packet of events, unless a small ring makes it smaller */
#define LC_TRACE_NAMES_CHUNK (256u << 10)
#define LC_TRACE_RING_FILES 8u  /* that a ring consists of, and one more; of a large ring more */
#define LC_TRACE_RING_LEAST 64u /* events of a packet */

_Static_assert(offsetof(struct lc_trace_packet, content_bits) == 32, "the metadata says so");
_Static_assert(sizeof(struct lc_trace_event) == LC_TRACE_EVENT_LEAST, "the metadata says so");

#endif
