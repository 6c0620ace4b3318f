/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands `run` and `explore`: schedules of a program, until a finding or the budget's end.
 *
 * Schedules have numbers, handed out in order to as many templates as there are jobs: in ranges, which a
 * template runs as one batch (see channel.h) if it can, and of a size that takes some ten milliseconds, so
 * that a limit of time or an interrupt is not late. What counts is the schedule with the lowest number that
 * shows something: once it is known, none with a higher number is handed out, those with lower numbers are
 * awaited, and what others showed is forgotten. So the result depends on the seed, not on the number of jobs
 * or the speed of the machine, as long as the budget is a number of schedules.
 *
 * Shard I of N takes the numbers I, I + N, I + 2N, ... Before its first schedule each template makes the runs
 * of launch.h that do not count; they are the same in all of them.
 *
 * What executions go on after (see LC_REPORTS in channel.h) never ends a hunt: it is kept and told apart,
 * while the hunt goes on to what strikes.
 *
 * What a suppression matches is no finding, and nothing but a group's count (struct group). To know, an
 * execution with a finding is repeated as below when there are suppressions; then the hunt goes on. An
 * execution that has gone on after findings (see LC_PASSED_MAX) is repeated up to each of them, and ends with
 * the first that no suppression matches.
 *
 * Where findings are grouped, each is run again at once in the same template with stacks taken at every event
 * (equal execution hashes are not run twice), and its identity is that of evidence_identify(). A finding is
 * reported only if its schedule, replayed in a fresh process, is the same execution.
 *
 * The results so far and what is needed to go on (state.h) are written to the directory at the start, after
 * each new finding and every few seconds, each file replaced as a whole, so that they survive any end.
 */
#ifndef LOCKCHECK_TOOL_HUNT_H
#define LOCKCHECK_TOOL_HUNT_H

#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/suppress.h"
#include "lockcheck/tool/tally.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Equal findings of several schedules. How many: see tally_found(). */
struct group {
    char *id;               /* "" when findings are not told apart */
    struct execution first; /* that with the lowest number */
    bool known;             /* since before this run went on */
    json_t *description;    /* of `first`, from before; NULL: evidence says it */
    uint64_t saved;         /* the number of `first` when its schedule file was last written */
    size_t suppression;     /* its place in the list, from 1: these are no findings; 0: none */
};

/* What the schedule that a job runs is for. */
enum phase {
    PHASE_EXPLORE,
    PHASE_MEASURE,  /* see measuring_run() */
    PHASE_PROFILE,  /* see profiling_run() */
    PHASE_IDENTIFY, /* it repeats a finding with evidence */
    PHASE_REPORT,   /* it repeats an execution up to a report, with evidence */
    PHASE_PASSED,   /* or up to a finding that was passed over */
};

struct job {
    struct template template;
    struct {
        uint64_t next, count; /* numbers that it has been given and that have not ended */
    } range;
    struct {
        uint64_t begun_ns;
        uint32_t taken; /* of its results */
        uint32_t size;  /* that the next one should have */
    } batch;
    enum phase phase;
    bool measured;
    struct profiling profiling;
    uint32_t sleepers;        /* what measuring found */
    struct execution pending; /* the one that has ended and is being looked at */
    struct ended ended;       /* its figures */
    uint32_t passed;          /* how many of the findings that it has passed over have been looked at */
    uint32_t looked_at;       /* how many of its reports */
};

/* Which group the report of a key belongs to. */
struct known_report {
    uint64_t key;
    size_t group;
};

/* Which group the finding of an execution belongs to. Bounded: what does not fit is identified anew. */
#define KNOWN_EXECUTIONS 65536u
struct known_execution {
    uint64_t hash; /* 0: free */
    size_t group;
};

struct hunt {
    struct options options;
    const struct lc_strategy *strategy;
    struct program program;
    struct job *jobs;
    unsigned job_count;
    uint64_t started_ns;
    double seconds_before; /* that the run took before it went on */
    uint64_t next;         /* the schedule to begin next */
    uint64_t last;         /* none above this one counts */
    bool interrupted;
    bool exhausted; /* the strategy has nothing left to explore */
    char *left_out; /* when exhausted: what it has not explored, a phrase; NULL: nothing */
    bool warned_of_points;
    struct tally tally;
    json_t *tally_state; /* what to go on with when it is no longer `tally`, or NULL */

    struct suppressions suppressions;
    bool own_suppressions_read; /* those of the program */
    bool start_up_looked_at;    /* what was shown before the checkpoint is in groups */
    bool refused;               /* what is wrong has been said: the hunt ends as unusable */
    struct evidence_reader *evidence;
    struct group *groups;
    size_t group_count;
    struct known_execution *executions; /* KNOWN_EXECUTIONS places, or NULL */
    size_t execution_count;
    struct known_report *reports;
    size_t report_count;
    struct execution error; /* that with the lowest number; no summary: none */

    struct {
        uint64_t due_ns; /* when to write the results so far again */
        size_t groups;   /* that had been found then */
        bool failed;     /* it has been said */
    } save;
    char *trace;     /* of run: absolute path of the directory for it; NULL: there is to be none */
    json_t *resumed; /* state.json of the run that goes on; the options point into it */
};

void group_free(struct group *group);

/* What executions ended with comes before what they went on after; then the order of the first schedules and,
 * within one schedule, of what it shows: negative, 0 or positive. */
int group_compare(const struct group *a, const struct group *b);

/* Seconds since the run began, without the time between its end and its going on. */
double hunt_seconds(const struct hunt *hunt);

/* Groups that are findings. */
size_t hunt_findings(const struct hunt *hunt);

/* The settings of a schedule of this hunt, but for those that a job finds out. */
struct settings hunt_settings(const struct hunt *hunt, uint64_t schedule);

/* The command. Returns the exit code. */
int hunt_command(const struct options *options);

#endif
