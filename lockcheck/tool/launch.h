/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A template: the program under test, started with the runtime inside and run to its checkpoint, from where
 * the runtime forks one process for each schedule. This is the command's side of lockcheck/runtime/channel.h,
 * and the watchdog over what the runtime cannot see.
 *
 * The program gets an empty standard input, so that an execution depends on its schedule alone, and runs
 * without address space randomisation in a process group of its own, which ends when the command ends.
 */
#ifndef LOCKCHECK_TOOL_LAUNCH_H
#define LOCKCHECK_TOOL_LAUNCH_H

#include "lockcheck/runtime/channel.h"
#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/suppress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How one schedule is to be run. */
struct settings {
    const char *strategy;
    uint64_t seed;
    uint64_t schedule;
    uint64_t max_steps;
    uint32_t flags;            /* LC_FLAG_* */
    uint32_t points;           /* enum lc_points */
    uint32_t detect;           /* set of LC_DETECT_*; for template_start() */
    struct lc_earlier earlier; /* of that report */
    uint32_t report;           /* > 0: end the execution with its report of this number */
    uint32_t pass_over;        /* findings to go on after, see LC_PASSED_MAX */
    uint32_t depth;            /* pct; 0: its default */
    int32_t preemptions;       /* dfs; -1: no bound */
    uint32_t sleepers; /* threads that the template holds ready: the same for all executions that are to
                          be the same, see lockcheck/runtime/channel.h */
    const uint8_t *decisions; /* for strategies "replay" and "guided"; NULL otherwise */
    size_t decisions_bytes;
    uint64_t steps_room;   /* with LC_FLAG_STEPS; see channel.h */
    uint64_t stop_at_step; /* > 0: the execution ends before this step */
    const char *trace;     /* with LC_FLAG_TRACE: what ctf_open() has returned */
    uint64_t trace_events; /* the newest to keep; 0: all */
};

/* Where the output of the program goes. */
enum output {
    OUTPUT_INHERIT, /* where the command's goes */
    OUTPUT_DISCARD, /* nowhere, but standard error is kept as long as the program has not got to its
                       checkpoint */
    OUTPUT_CAPTURE, /* both streams are kept, see template_output() */
};

enum template_state { TEMPLATE_STARTING, TEMPLATE_READY, TEMPLATE_RUNNING, TEMPLATE_ENDED };

struct template
{
    enum template_state state;
    pid_t pid;  /* of the template, also its process group; negative once it has been waited for; 0: none */
    int socket; /* readable when template_read() has something to do */
    struct lc_channel *channel;
    enum output output;
    int output_fd;   /* memory file with the program's output, -1 when there is none */
    int wait_status; /* of the schedule that was run last, or of the template once it has ended */
    uint32_t batch;  /* schedules of the batch */
    struct {
        uint64_t schedule, steps; /* as seen at the last change */
        uint64_t changed_ns, cpu_ns;
        uint64_t awake_ns, last_cpu_ns; /* when it last was seen to run, and its CPU time then */
        uint64_t signalled_ns;          /* when it was asked for evidence; 0 if it was not */
        pid_t pid;
    } watch;
};

/*
 * Starts the program. settings: of the first schedule to come (the runtime may look at them before the
 * checkpoint). Returns 0, or -1 after saying what is wrong; then there is nothing to stop.
 */
int template_start(struct template *template, const struct program *program, const struct settings *settings,
                   enum output output);

/*
 * Runs that do not count and come before the schedules, in this order; all have the number 0. Measuring finds
 * out how many threads a schedule makes, for settings.sleepers. Profiling shows a strategy what the program
 * does, and which memory threads share where that can be points: one run does for a strategy, for memory they
 * go on until the last few have shown nothing new. settings: those of the schedules to come.
 */
struct settings measuring_run(const struct settings *settings);

struct profiling {
    unsigned runs, idle; /* taken, and how many of the last have shown no more memory than before */
    uint64_t shared;
};
/* To be asked before each schedule: does a profiling run come first? */
bool profiling_wanted(const struct profiling *profiling, const struct settings *settings, bool for_strategy);
struct settings profiling_run(const struct profiling *profiling, const struct settings *settings);
/* To be called when the template has made one. */
void profiling_took(struct profiling *profiling, const struct template *template);

/* Begins a schedule; the template must be TEMPLATE_READY. */
void template_begin(struct template *template, const struct settings *settings);

/* The same for a batch of `count` schedules, 1 to LC_BATCH_MAX: that of the settings, and others whose
 * numbers lie `stride` apart. See channel.h for when it ends; batch_ns is in nanoseconds. */
void template_begin_batch(struct template *template, const struct settings *settings, uint64_t stride,
                          uint32_t count, uint64_t batch_ns);

/* How many schedules of the batch have ended plainly so far. They are in channel->results. */
uint32_t template_batch_done(const struct template *template);

/* The batch that is running is to end after `count` schedules, or at once when there have been more. */
void template_limit_batch(struct template *template, uint32_t count);

/* Takes one message from the socket, which must be readable, and updates state: to TEMPLATE_READY after the
 * checkpoint and after each batch, or to TEMPLATE_ENDED. */
void template_read(struct template *template);

/* The watchdog: call about every WATCH_INTERVAL_MS while a template is starting or running. */
#define WATCH_INTERVAL_MS 100
void template_watch(struct template *template);

/* What the schedule that was run last, or the template that has ended, ended with: see execution_collect().
 */
void template_collect(const struct template *template, struct execution *execution);

/* Output kept so far, as text that the caller frees; length in bytes. */
char *template_output(const struct template *template, size_t *length);

/* Adds the suppressions that the program brings along; it has got to its checkpoint. Returns 0, or -1 after
 * saying what is wrong with them. */
int template_suppressions(const struct template *template, struct suppressions *suppressions);

/* Ends the template and whatever it runs, and frees what it holds; the last one also whatever programs have left
 * running elsewhere. Harmless on one that was never started. */
void template_stop(struct template *template);

/* Kills every process that this one is the parent of, without waiting. Returns how many there are. */
unsigned kill_children(void);

/*
 * The same in one call each, waiting for the end. template_launch() starts the program and
 * makes the profiling run if the points need it; on success the template is ready, or has ended before its
 * checkpoint. template_run() runs one schedule. Both return 0, or -1 after saying what is wrong or on an
 * interrupt by the user.
 */
int template_launch(struct template *template, const struct program *program, const struct settings *settings,
                    enum output output);
int template_run(struct template *template, const struct settings *settings);

/*
 * All of that for one schedule: starts a template, makes the profiling run if the points need it, runs the
 * schedule and stops the template. Keeps the program's output
 * in *captured (to be freed) when output is OUTPUT_CAPTURE. Returns 0, or -1 after saying what is wrong (also
 * on an interrupt by the user).
 */
int execute(const struct program *program, const struct settings *settings, enum output output,
            struct execution *execution, char **captured, size_t *captured_length);

/*
 * The program gets the descriptors that this command was started with, and no others: libraries that read
 * debug information open files without close-on-exec, and the numbers of a program's own descriptors must not
 * depend on what has been symbolised before. To be called before each start, and in the child.
 */
void pass_on_descriptors(bool in_child);

/* From now on a first Ctrl-C (or SIGTERM, SIGHUP) only sets what interrupted() returns, unless the command
 * was started to ignore it. */
void catch_interrupts(void);
bool interrupted(void);
/* interrupted() is false again. The next signal ends the command at once. */
void forget_interrupt(void);
/* Ends the command by the signal that interrupted it, as if it had not been caught: so a script stops, and
 * nobody takes what was not finished for clean. The way to end with EXIT_INTERRUPTED. */
_Noreturn void end_by_interrupt(void);

#endif
