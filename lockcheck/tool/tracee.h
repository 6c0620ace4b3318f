/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A schedule's process in a debugger's hands: it is traced (ptrace(2)), runs up to a step or to its end, and
 * can be asked at any stop for its threads, which are fibers of one kernel thread. To go back to an earlier
 * step is to run the schedule again, in a new process: an execution is the same each time, addresses
 * included.
 *
 * The kernel lets a process trace its descendants, also where Yama restricts ptrace to them; schedules'
 * processes are the command's grandchildren. Left out: processes that the program makes, which are not
 * traced; the sleeping kernel threads that lend fibers their stacks, which never run code of the program's.
 */
#ifndef LOCKCHECK_TOOL_TRACEE_H
#define LOCKCHECK_TOOL_TRACEE_H

#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/launch.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* Why the process stands still. */
enum tracee_stop {
    TRACEE_RUNS,
    TRACEE_STEP,        /* at the step that was asked for, before it */
    TRACEE_OUTCOME,     /* the runtime has something to report: channel->outcome */
    TRACEE_EXIT,        /* the program exits; its last step is over */
    TRACEE_TRAP,        /* a breakpoint, a watchpoint or the end of a single step */
    TRACEE_INTERRUPTED, /* tracee_interrupt() */
    TRACEE_SIGNAL,      /* a signal is about to be delivered: its number is in `signal` */
    TRACEE_GONE,        /* it has ended: wait_status */
};

struct tracee {
    const struct program *program;
    struct settings settings; /* with LC_FLAG_DEBUGGER */
    struct template template;
    pid_t pid;
    enum tracee_stop stop;
    bool single_step; /* it goes on, or went, for one instruction */
    int signal;
    int wait_status;
    off_t output_shown;
    bool was_at_end; /* it has been seen at its end once */
    uint64_t goal;   /* the step to stop before when it goes on; 0: none. One that is past begins anew */
    /* The evidence of this stop, when somebody has asked for it. */
    json_t *evidence;    /* the runtime's, see lockcheck/runtime/channel.h */
    json_t *description; /* as evidence_describe() gives it */
    struct evidence_reader *reader;
};

/*
 * Starts the program and lets the schedule run up to tracee->goal, or to its end. The struct is zeroed but
 * for program, settings and goal. Returns 0 with `stop` set, also when the execution went elsewhere, or -1
 * after saying what is wrong (also on an interrupt by the user). tracee_close() is due in any case.
 */
int tracee_open(struct tracee *tracee);
void tracee_close(struct tracee *tracee);

/* Lets it go on, with that signal (0: none), for one instruction or up to its next stop. Returns 0, or -1
 * after saying what is wrong. */
int tracee_resume(struct tracee *tracee, int signal, bool single_step);
/* To be called after a SIGCHLD while it runs. Sets `stop`; TRACEE_RUNS: it still does. */
void tracee_look(struct tracee *tracee);
/* Asks it to stop. */
void tracee_interrupt(struct tracee *tracee);

/* Prints what the program has printed since the last call, or since the schedule began. */
void tracee_show_output(struct tracee *tracee);

/* The number of the thread that runs; 0 when that cannot be told. */
uint32_t tracee_running(const struct tracee *tracee);
/* Both at a stop. NULL when there is none to be had, in a process that is gone or damaged. */
const json_t *tracee_evidence(struct tracee *tracee);
const json_t *tracee_description(struct tracee *tracee);

/* Returns the bytes read or written from `address` on, which may be fewer. */
size_t tracee_read(const struct tracee *tracee, uint64_t address, void *bytes, size_t count);
size_t tracee_write(const struct tracee *tracee, uint64_t address, const void *bytes, size_t count);

#endif
