/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What liblockcheck-native.so keeps in a program that runs natively, and the command reads from outside: for
 * each thread what it waits for and what it holds, and what is known of objects by their addresses.
 *
 * A thread writes its own record, with plain stores and no lock; the command reads it at any time, by
 * process_vm_readv(). Two rules make what it reads worth something:
 *
 *   - a wait stands in the record before the C library's function is called, and is taken out after it;
 *   - a lock is entered among those held after it was taken, and taken out before it is given back.
 *
 * So if one thread's wait is for a lock that another holds, and both stay in the same wait, the lock is not
 * to be had for as long as they do.
 *
 * The record is private memory: a forked process has a copy of it, and goes on in that. What the command
 * tells the processes, and they it, is in a memory file that all share, struct lcn_channel.
 */
#ifndef LOCKCHECK_NATIVE_RECORD_H
#define LOCKCHECK_NATIVE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define LCN_LIBRARY "liblockcheck-native.so"
#define LCN_RECORD "lcn_record" /* the symbol */
#define LCN_MAGIC 0x6c636e6174697665ull
#define LCN_VERSION 1u

#define LCN_THREADS 8192u  /* at once; those beyond are not recorded, and counted */
#define LCN_HOLDS 32u      /* locks of one thread; likewise */
#define LCN_PLACES 65536u  /* objects that were initialised or named; a new one replaces an old one */
#define LCN_PROBES 8u      /* places tried for an object */
#define LCN_WORK 16u       /* kinds of outstanding work */
#define LCN_PROCESSES 512u /* of one run, at once; those beyond are not watched */
#define LCN_NAME 64u       /* bytes of a name, with its end */
#define LCN_KIND_NAME 24u

enum lcn_kind {
    LCN_KIND_NONE,
    LCN_KIND_MUTEX,
    LCN_KIND_RWLOCK,
    LCN_KIND_SPINLOCK,
    LCN_KIND_COND,
    LCN_KIND_SEMAPHORE,
    LCN_KIND_BARRIER,
    LCN_KIND_ONCE,
    LCN_KIND_FUTEX,
    LCN_KIND_THREAD, /* address: its pthread_t */
    LCN_KIND_NAMED,  /* known by client requests only */
};

enum lcn_op {
    LCN_OP_NONE,
    LCN_OP_LOCK,
    LCN_OP_READ_LOCK,
    LCN_OP_WRITE_LOCK,
    LCN_OP_WAIT, /* for a condition */
    LCN_OP_SEM_WAIT,
    LCN_OP_BARRIER_WAIT,
    LCN_OP_JOIN,
    LCN_OP_ONCE,
    LCN_OP_FUTEX_WAIT,
};

/* In one cache line, which only its thread writes. */
struct lcn_wait {
    uint64_t object;  /* its address, 0: the thread does not wait; written last, and cleared first */
    uint64_t number;  /* of this wait among the thread's */
    uint64_t mutex;   /* LCN_OP_WAIT: the mutex that is given up meanwhile */
    uint64_t pc;      /* where the function returns to */
    uint64_t since;   /* the channel's clock */
    uint8_t op, kind; /* of the object */
    uint8_t timed;    /* the wait ends by itself */
    uint32_t thread;  /* its number, from 1 in the order of creation */
    int32_t tid;      /* 0: the record is free */
    uint32_t holds;   /* how many there are */
};

struct lcn_hold {
    uint64_t object;
    uint64_t pc;
    uint64_t since;
    uint32_t op; /* LCN_OP_LOCK, LCN_OP_READ_LOCK, LCN_OP_WRITE_LOCK or LCN_OP_ONCE */
    uint32_t kind;
};

struct lcn_thread {
    struct lcn_wait wait;
    struct lcn_hold holds[LCN_HOLDS];
    uint64_t handle;     /* pthread_t */
    uint64_t created;    /* where pthread_create() returns to */
    uint64_t annotation; /* the object of the client request that it is inside of, or 0 */
    uint64_t start, argument;
    uint32_t holds_lost; /* locks that found no room */
    uint32_t farewells;  /* rounds of destructors of its keys that have been */
    uint64_t random;     /* of the delays */
    char name[LCN_NAME]; /* given by a client request, or "" */
} __attribute__((aligned(64)));

struct lcn_place {
    uint64_t address; /* 0: free */
    uint64_t pc;      /* where it was initialised or named */
    uint32_t kind;
    char kind_name[LCN_KIND_NAME]; /* given by a client request, or "" */
    char name[LCN_NAME];
};

/* What a thread has to report before it goes on. */
enum lcn_state { LCN_NOTHING, LCN_BEING_WRITTEN, LCN_REPORTED, LCN_TAKEN };
struct lcn_report {
    uint32_t state;  /* enum lcn_state; the command sets the last */
    uint32_t thread; /* its number */
    char kind[32];
    char text[1024];
};

struct lcn_head {
    uint64_t magic;
    uint32_t version;
    int32_t pid;
    uint32_t used;    /* threads[] beyond this have never been in use */
    uint32_t created; /* threads so far */
    uint32_t lost;    /* threads without a record */
    struct lcn_report report;
    struct {
        int64_t count;
        char what[LCN_NAME];
    } work[LCN_WORK];
};

struct lcn_record {
    struct lcn_head head;
    struct lcn_thread threads[LCN_THREADS];
    struct lcn_place places[LCN_PLACES];
};

static inline uint32_t lcn_place_of(uint64_t address)
{
    return (uint32_t)((address * 0x9e3779b97f4a7c15ull) >> 40) % LCN_PLACES;
}

/*
 * Between the command and all processes of a run: a memory file of the command's, which it keeps open; its
 * path in /proc is in the environment variable LOCKCHECK_NATIVE. Environment and library are left to programs
 * that a process becomes or starts, so these are watched too.
 */
#define LCN_CHANNEL_ENV "LOCKCHECK_NATIVE"

struct lcn_process {
    int32_t pid;     /* 0: free. The command clears those of processes that are gone */
    uint32_t asked;  /* how often SIGQUIT has asked for the wait graph */
    uint64_t record; /* address of its struct lcn_record, 0: not yet */
};

struct lcn_channel {
    uint64_t magic;
    uint32_t version;
    uint32_t delays;     /* 1: yield and sleep at random */
    uint64_t seed;       /* of these */
    uint64_t clock_ns;   /* CLOCK_MONOTONIC as of late: since when a lock is held need not be exact */
    uint32_t unlisted;   /* processes that found no room */
    int32_t command_pid; /* whoever waits for the command gives up when that is gone */
    struct lcn_process processes[LCN_PROCESSES];
};

#endif
