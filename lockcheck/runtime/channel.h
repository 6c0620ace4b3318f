/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The channel between the `lockcheck` command and the runtime in the program under test.
 *
 * The command makes a memory file of LC_CHANNEL_SIZE bytes (sparse) and a SOCK_SEQPACKET socket pair, starts
 * the program with the runtime preloaded, and passes both descriptors in the environment variable
 * LOCKCHECK_CHANNEL as "MEMFD,SOCKET". The runtime hides all three from the program.
 *
 * The program runs to its checkpoint (the template), sends LC_MSG_READY, and from then on serves requests:
 * for each LC_MSG_START it runs a batch of schedules under the settings in the channel, one after the other,
 * and answers LC_MSG_DONE with the last one's wait status. For the schedules it forks one process after the
 * other and waits for it; a process runs as many as it can be rewound for. End of file on the socket ends the template. A program that ends before its checkpoint closes the
 * socket without LC_MSG_READY.
 *
 * A batch has the numbers schedule, schedule + stride, ... In between the command is not asked, since going
 * to and fro takes as long as a short schedule. It ends
 *   - with the first schedule that ends otherwise than plainly: without a word and with status 0, or given up
 *     by the strategy, and without a report or a finding passed over. What such a schedule leaves in the
 *     channel is then untouched;
 *   - when `batch` schedules have been run, which the command may lower meanwhile;
 *   - when a schedule has ended and batch_ns have passed since the first began.
 * Of each schedule that has ended plainly there is an entry in `results`, which the command may read before
 * the batch has ended. `schedule` and all that follows from `outcome` on are of the latest schedule.
 *
 * All fields are in host byte order: both sides run on one machine, and the runtime refuses another version.
 */
#ifndef LOCKCHECK_RUNTIME_CHANNEL_H
#define LOCKCHECK_RUNTIME_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "lockcheck/strategy/strategy.h"

#define LC_CHANNEL_ENV "LOCKCHECK_CHANNEL"
#define LC_CHANNEL_MAGIC 0x6c6f636b63686b01ull
#define LC_CHANNEL_VERSION 8u

/* Layout of the memory file, in bytes from its start. */
#define LC_DECISIONS_OFFSET                                                                                  \
    (1ull << 20) /* decisions taken, written by the runtime: next to the head, since                         \
                  * every schedule writes to both */
#define LC_DECISIONS_SIZE (256ull << 20)
#define LC_REPLAY_OFFSET (LC_DECISIONS_OFFSET + LC_DECISIONS_SIZE) /* decisions to follow, by the command */
#define LC_REPLAY_SIZE (256ull << 20)
#define LC_EVIDENCE_OFFSET (LC_REPLAY_OFFSET + LC_REPLAY_SIZE) /* evidence of the finding: JSON text */
#define LC_EVIDENCE_SIZE (64ull << 20)
#define LC_STEPS_OFFSET (LC_EVIDENCE_OFFSET + LC_EVIDENCE_SIZE) /* struct lc_step's, with LC_FLAG_STEPS */
#define LC_STEPS_SIZE (1ull << 30)
#define LC_MEMORY_OFFSET                                                                                     \
    (LC_STEPS_OFFSET + LC_STEPS_SIZE) /* a sequential strategy's own, kept between schedules */
#define LC_MEMORY_SIZE (1ull << 30)
#define LC_SHARED_OFFSET (LC_MEMORY_OFFSET + LC_MEMORY_SIZE) /* struct lc_shared_memory */
#define LC_SHARED_SIZE (16ull << 20)
#define LC_SUPPRESSIONS_OFFSET                                                                               \
    (LC_SHARED_OFFSET + LC_SHARED_SIZE) /* the program's own: text with its NUL                              \
                                         */
#define LC_SUPPRESSIONS_SIZE (1ull << 20)
#define LC_STACKS_OFFSET (LC_SUPPRESSIONS_OFFSET + LC_SUPPRESSIONS_SIZE) /* struct lc_stacks */
#define LC_STACKS_SIZE (8ull << 20)
#define LC_REWIND_OFFSET (LC_STACKS_OFFSET + LC_STACKS_SIZE) /* the runtime's own, see runtime/rewind.c */
#define LC_REWIND_SIZE (8ull << 20)
#define LC_MAPS_OFFSET (LC_REWIND_OFFSET + LC_REWIND_SIZE) /* the runtime's own, see runtime/pages.c */
#define LC_MAPS_SIZE (64ull << 10)
#define LC_CHANNEL_SIZE (LC_MAPS_OFFSET + LC_MAPS_SIZE)

/* The command sends this signal to a schedule's process that makes no steps. The runtime answers with
 * evidence of kind "uncontrolled" and ends the process. It is never blocked in a controlled program. */
#define LC_STUCK_SIGNAL 62

/* The si_code of a SIGSYS that stands for a system call, see runtime/quiet.c: SYS_USER_DISPATCH of Linux's
 * siginfo.h, which the C library's does not have. */
#define LC_BY_DISPATCH 2

/* Settings of a schedule: flags. */
#define LC_FLAG_EVIDENCE 1u /* take a stack at every event */
#define LC_FLAG_PROFILE 2u  /* write the profile; its schedule number is 0 */
#define LC_FLAG_STEPS 4u    /* write every step to LC_STEPS_OFFSET; see steps_room */
#define LC_FLAG_DEBUGGER 8u /* wait for the command to trace the process, and stop for it; see debug_stop */
#define LC_FLAG_TRACE 16u   /* write a trace: see trace.h */

/* Where else than before synchronisation a thread may be stopped: at memory accesses of code that was
 * compiled for it. */
enum lc_points { LC_POINTS_SYNC, LC_POINTS_MEMORY, LC_POINTS_AUTO };

/* Reports: findings that an execution goes on after, such as a lock order that did no harm this time. The
 * first of each key counts; keys are equal in all executions of a template. To know what a report is, the
 * command has the schedule repeated with stop_at_report, and then the execution ends with it. One of the time
 * before the checkpoint takes another template, which then does not get there. */
#define LC_REPORTS 64u /* of one execution; it tells of no more */

/* An access of memory that is part of a report, and was made before: of all the stacks of its execution only
 * this one is needed. */
struct lc_earlier {
    uint64_t when; /* thread and its time, see detect/race.h; 0: none */
    uint64_t pc;   /* of the instruction after the call of the compiler's hook */
};

struct lc_report {
    uint64_t key;
    struct lc_earlier earlier;
};

/* Findings that the program survives (lockcheck_finding_survived) and a suppression matches: an execution
 * goes on after them. It takes evidence to know which they are. So where there are suppressions, the command
 * has a schedule go on after the first pass_over of those that it survives, and then repeated up to each of
 * them, to judge it. The first that no suppression matches is the execution's end. */
#define LC_PASSED_MAX 16u /* of one execution */

/* Detectors that the command asks for. The findings of most are reports. */
enum lc_detect {
    LC_DETECT_LOCK_ORDER = 1,
    LC_DETECT_LOCK_MISUSE = 2,
    LC_DETECT_DATA_RACE = 4,
    LC_DETECT_IRQ_UNSAFE = 8,
    LC_DETECT_SLEEP_IN_ATOMIC = 16,
    LC_DETECT_LEAK = 32,
    LC_DETECT_LIVELOCK = 64,
    LC_DETECT_ALL = 95,     /* but leak, for who asks: many a program leaves things to the end of the process */
    LC_DETECT_REPORTS = 63, /* after which an execution goes on */
};

#define LC_PATH_MAX 4096u /* bytes of a path, with its end */

enum lc_message { LC_MSG_READY = 'R', LC_MSG_START = 'S', LC_MSG_DONE = 'D' };

/* One message on the socket. */
struct lc_packet {
    uint32_t type;       /* enum lc_message */
    int32_t wait_status; /* LC_MSG_DONE: of the batch's last schedule, as waitpid() gives it */
};

/* What the execution ended with; the process's wait status tells the rest. */
enum lc_outcome {
    LC_OUTCOME_NONE,         /* nothing was reported: see the wait status */
    LC_OUTCOME_FINDING,      /* finding_kind, summary and evidence are set */
    LC_OUTCOME_UNCONTROLLED, /* the program did what lockcheck does not control; summary and evidence are set
                              */
    LC_OUTCOME_DIVERGED,     /* a replay asked for a thread that could not run; summary is set */
    LC_OUTCOME_LIMIT,        /* max_steps or the room for decisions ran out; summary is set */
    LC_OUTCOME_INTERNAL,     /* the runtime failed; summary is set */
    LC_OUTCOME_EXHAUSTED,    /* the strategy has nothing left to explore; no step was taken; see complete */
    LC_OUTCOME_CUT, /* the strategy gave the execution up: equal to another, or over a bound; no finding */
    LC_OUTCOME_STOPPED, /* at stop_at_step, without a debugger; summary and evidence are set */
};

/* Why a process with LC_FLAG_DEBUGGER is at a breakpoint instruction of the runtime's. */
enum lc_debug_stop {
    LC_DEBUG_RUNS,    /* it is not */
    LC_DEBUG_STEP,    /* the step stop_at_step is about to be taken */
    LC_DEBUG_OUTCOME, /* outcome is set; the process is about to end */
    LC_DEBUG_EXIT,    /* the program exits */
    LC_DEBUG_TOLD,    /* the evidence has been written, as asked for by going on at debug_tell */
};

/* Registers of a thread that does not run, in the evidence: those that a callee preserves, where it goes on,
 * and rdi, which is worth something before a thread's first instruction only. */
enum lc_debug_register {
    LC_DEBUG_RIP,
    LC_DEBUG_RSP,
    LC_DEBUG_RBP,
    LC_DEBUG_RBX,
    LC_DEBUG_R12,
    LC_DEBUG_R13,
    LC_DEBUG_R14,
    LC_DEBUG_R15,
    LC_DEBUG_RDI,
    LC_DEBUG_RDI_KNOWN, /* 1 or 0 */
    LC_DEBUG_CONTROL,   /* mxcsr, and the x87 control word above it */
    LC_DEBUG_REGISTERS,
};

/* One step of an execution. */
struct lc_step {
    uint32_t thread;   /* 0: time passed */
    uint32_t op;       /* enum lc_op */
    uint32_t object;   /* 0: none */
    uint32_t object2;  /* 0: none */
    uint32_t enabled;  /* how many threads were enabled */
    uint32_t switched; /* 0: the thread before went on; 1: it could not; 2: it was preempted */
    int64_t time_ns;
    uint64_t able_since; /* the step in which the thread became able to run; 0: before the first */
    uint32_t stack;      /* where the thread is, in the table of stacks; 0: not known */
    uint32_t left;       /* the thread before, what it was about to do or waits for, and where */
    uint32_t left_op, left_object, left_stack;
    uint32_t left_ended; /* 1: it has no next step */
};

/* Stacks of steps, each once. With LC_FLAG_EVIDENCE only. */
#define LC_STACK_FRAMES 15u /* innermost ones */
#define LC_STACKS_MAX 65534u
struct lc_stacks {
    uint32_t count; /* entries 1 .. count are used */
    uint32_t reserved;
    struct lc_stack {
        uint64_t frames;
        uint64_t pcs[LC_STACK_FRAMES];
    } entries[LC_STACKS_MAX + 1];
};

/* A schedule of a batch that has ended plainly. */
struct lc_result {
    uint64_t steps;
    uint64_t hash;
    uint64_t cut; /* 1: the strategy gave it up */
};

#define LC_BATCH_MAX 4096u /* schedules of a batch */

struct lc_channel {
    /* Written by the command before the program starts. */
    uint64_t magic;
    uint32_t version;
    uint32_t own_checkpoint;  /* 1: the program calls lockcheck_checkpoint(); 0: the checkpoint is main() */
    uint32_t detect;          /* set of LC_DETECT_* */
    uint64_t suppressions_at; /* address of lockcheck_default_suppressions() in the program's file; 0: none */

    /* Written by the command before each LC_MSG_START. */
    char strategy[32];
    uint64_t seed;
    uint64_t schedule;     /* number of the schedule, from 1; in a batch the runtime moves it on */
    uint64_t stride;       /* from one number of a batch to the next */
    uint64_t batch_ns;     /* after which a batch ends with the schedule that is running */
    uint32_t batch;        /* schedules to run, 1 to LC_BATCH_MAX */
    uint64_t max_steps;    /* 0: no limit */
    uint64_t replay_bytes; /* strategy "replay": length of the decisions at LC_REPLAY_OFFSET; "guided": of the
                            * plan there */
    uint32_t flags;        /* LC_FLAG_* */
    uint32_t points;       /* enum lc_points */
    uint32_t depth;        /* pct; 0: its default */
    int32_t preemptions;   /* dfs; -1: no bound */
    uint32_t sleepers;     /* threads that the template holds ready; see sleepers_used */
    uint32_t processor;    /* number + 1 of the processor that the template is to stay on; 0: any */
    uint64_t stop_at_step; /* > 0: stop before this step */
    uint64_t steps_room;   /* LC_FLAG_STEPS: > 0: keep the newest so many, step n at n - 1 modulo it; 0: keep
                            * those that fit, from the first */
    /* LC_FLAG_TRACE: absolute; nothing of a trace is in it. */
    char trace_directory[LC_PATH_MAX - 64];
    uint64_t trace_events;     /* LC_FLAG_TRACE: > 0: keep the newest so many, and not many more */
    uint32_t pass_over;        /* findings to go on after, at most LC_PASSED_MAX */
    uint32_t stop_at_report;   /* > 0: the report of this number, from 1, ends the execution */
    struct lc_earlier earlier; /* with evidence: that of the report to stop at */

    /* Written by the runtime; true at every moment, also after a crash. */
    uint32_t outcome; /* enum lc_outcome */
    int32_t pid;      /* of the process that runs the schedule, 0 before there is one */
    uint32_t reached_checkpoint;
    uint64_t steps;
    uint64_t events;
    uint64_t hash; /* over all events so far */
    uint64_t virtual_ns;
    uint64_t decisions_bytes;
    uint64_t evidence_bytes;
    char finding_kind[32];
    char summary[4096];     /* one sentence; {tN} stands for thread N, {oN} for object N of the evidence */
    uint32_t sleepers_used; /* threads with default attributes that the schedule made: what to put into
                             * sleepers, for this program in every process alike, since stacks are elsewhere
                             * with another number */
    /* LC_OUTCOME_EXHAUSTED: 1 when every interleaving has been explored; else the summary says, in a phrase,
     * what was left out. */
    uint32_t complete;
    uint32_t memory_points; /* 1: the program has code whose memory accesses can be points */
    uint32_t batch_done;    /* how many entries of results are written */
    uint32_t trace_error;   /* the error number that the trace ended with; 0: it has not */
    uint32_t early_reports; /* of the time before the checkpoint; the first ones of every schedule */
    volatile uint8_t dispatch_selector; /* the runtime's own, see runtime/quiet.c */
    uint32_t report_count;
    struct lc_report reports[LC_REPORTS]; /* in their order */
    uint32_t passed_count;
    uint64_t passed[LC_PASSED_MAX]; /* `hash` at each finding passed over, in their order */

    /* LC_FLAG_DEBUGGER */
    uint32_t debugger;         /* written by the command: 1: it traces the process */
    uint32_t debug_stop;       /* enum lc_debug_stop */
    uint64_t debug_self;       /* address of the pointer to the thread that runs */
    uint64_t debug_self_id;    /* offset of the thread's number (uint32_t) behind that pointer */
    uint64_t debug_tell;       /* where to go on for evidence, */
    uint64_t debug_tell_stack; /* with this stack pointer */

    struct lc_profile profile;
    struct lc_result results[LC_BATCH_MAX];
};

/* A report of the schedule before must not be taken for one of the next, should that die at its first step.
 */
static inline void lc_channel_clear(struct lc_channel *channel)
{
    channel->outcome = LC_OUTCOME_NONE;
    channel->pid = 0;
    channel->decisions_bytes = 0;
    channel->evidence_bytes = 0;
    channel->finding_kind[0] = 0;
    channel->summary[0] = 0;
    channel->passed_count = 0;
}

/*
 * Memory where the profiling run saw two threads: for LC_POINTS_AUTO, where accesses to it are points from
 * the first on. Written under LC_FLAG_PROFILE only, so that the points of all other executions are the same.
 * Equal profiling runs leave equal sets; addresses are those without address space randomisation.
 */
#define LC_SHARED_SLOTS (1u << 20)
struct lc_shared_memory {
    uint64_t count;
    uint64_t granules[LC_SHARED_SLOTS]; /* address / 8; a hash table, linear probing; 0: free */
};

_Static_assert(sizeof(struct lc_shared_memory) <= LC_SHARED_SIZE, "the table does not fit its area");
_Static_assert(sizeof(struct lc_stacks) <= LC_STACKS_SIZE, "the stacks do not fit their area");
_Static_assert(sizeof(struct lc_channel) <= LC_DECISIONS_OFFSET,
               "the channel's head runs into its first area");

/* What the limit of a member of a stage counts, in a plan for strategy "guided" (see its file). */
enum lc_guided_limit { LC_GUIDED_ALL, LC_GUIDED_STAGE, LC_GUIDED_BEFORE };

/*
 * Decisions are pairs of varints (7 bits a byte, low first, the top bit means more): the thread that was
 * chosen, and how many times in a row. Thread 0 is the passing of time to the next deadline; the first thread
 * of the program is 1, and so on in the order of their creation.
 */
static inline size_t lc_varint_put(uint8_t *out, uint64_t value)
{
    size_t n = 0;
    while (value >= 0x80) {
        out[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[n++] = (uint8_t)value;
    return n;
}

/* Returns the bytes used, 0 when the input ends within a number or the number exceeds 64 bits. */
static inline size_t lc_varint_get(const uint8_t *in, size_t length, uint64_t *value)
{
    uint64_t v = 0;
    for (size_t n = 0; n < length && n < 10; n++) {
        v |= (uint64_t)(in[n] & 0x7f) << (7 * n);
        if (!(in[n] & 0x80)) {
            *value = v;
            return n + 1;
        }
    }
    return 0;
}

#endif
