/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The results of a command, and the directory that gets them:
 *
 *     result.json      what was found: struct results_head, and findings as in evidence.h
 *     state.json       what --resume needs, see state.h
 *     NNNN.schedule    schedule number NNNN, for `lockcheck replay`
 *     NNNN.short.schedule    the same finding, shrunk
 *     NNNN.output      what the program wrote when that schedule was replayed
 *     NNNN.steps.json  its last steps, see steps.h
 *     NNNN-N...        the same of its Nth report, and where merged results have several of one name
 *     NNNN+N...        the same of what it ended with after N findings had been passed over
 *     .lockcheck       the mark of a directory that is ours
 *
 * All of it is kept in memory until results_write(), which writes each file under another name, synchronises
 * it and renames it, result.json last: whenever it fails, the results that were there before are still whole.
 */
#ifndef LOCKCHECK_TOOL_RESULT_H
#define LOCKCHECK_TOOL_RESULT_H

#include "lockcheck/tool/evidence.h"
#include "lockcheck/tool/execution.h"
#include "lockcheck/tool/program.h"

#include <jansson.h>
#include <stdbool.h>

struct results {
    json_t *json; /* of result.json */
    size_t count;
    struct results_file {
        char *name, *content;
        size_t length;
    } * files;
};

/*
 * Makes the directory if need be, checks that it holds nothing but our results, marks it and keeps other
 * commands of ours from writing there until this one ends. Returns 0, or -1 after saying what is wrong.
 */
int results_open(const char *directory);

/* Is no other command of ours writing there? Returns 0, or -1 after saying so. */
int results_check_idle(const char *directory);

/* The result.json of a directory, which the caller owns; or NULL and, in a sentence to be freed, why there is
 * none. */
json_t *results_read(const char *directory, char **problem);

void results_init(struct results *results);
void results_free(struct results *results);

/* Adds a file; takes content over. */
void results_add_file(struct results *results, char *name, char *content, size_t length);

/*
 * Adds the file NNNN.schedule of an execution that was found with that strategy. Returns its name, which
 * belongs to results, or NULL if it has no whole decisions.
 */
const char *results_add_schedule(struct results *results, const struct program *program,
                                 const struct execution *execution, const char *strategy);

/* The text of the schedule file of an execution, NULL if it has no whole decisions; the caller frees it. */
char *results_schedule_text(const struct program *program, const struct execution *execution,
                            const char *strategy, size_t *length);

/* Its name: text that the caller frees. */
char *results_schedule_name(const struct execution *execution);

/* The name of its shrunk schedule, likewise. */
char *results_short_name(const struct execution *execution);

/* Adds the file NNNN.output; takes content over. Returns its name, which belongs to results. */
const char *results_add_output(struct results *results, const struct execution *execution, char *content,
                               size_t length);

/*
 * Adds the file NNNN.steps.json of an execution that was run with LC_FLAG_STEPS, and its name to the
 * description that results_describe() made of it; null when there are no steps.
 */
void results_add_steps(struct results *results, json_t *description, struct evidence_reader *reader,
                       const struct execution *execution);

/* Says in results that each of so many schedules was given up: an error of kind "limit". */
void results_add_given_up(struct results *results, uint64_t schedules);

/* Writes a file as a whole, synchronised; what is there and no file, as a device, is written to. Returns 0,
 * or -1 with errno. */
int results_write_file(const char *path, const char *content, size_t length);

/* What result.json says about the whole of a command's work. */
struct results_head {
    const char *command; /* "run", "explore" or "replay" */
    const char *verdict; /* "clean", "finding" or "error" */
    const struct program *program;
    const char *strategy;
    uint64_t seed, schedules, steps;
    uint64_t truncated; /* schedules given up at the step limit */
    uint64_t cut;       /* schedules given up by the strategy: equal to others, or over a bound */
    uint64_t distinct;  /* different executions */
    bool distinct_exact;
    uint64_t shard, shards; /* 0: not an exploration */
    double seconds;
    uint64_t hash;
    bool interrupted;
    bool unfinished;      /* the command is still at it, or was killed */
    bool complete;        /* every interleaving was explored */
    const char *left_out; /* what the strategy knows it has not explored, or NULL */
};
void results_set_head(struct results *results, const struct results_head *head);

/*
 * A finding, or an error, as result.json shows it: its members, evidence and the names of its files (NULL for
 * none). count: how many schedules showed it. The caller owns it.
 */
json_t *results_describe(struct evidence_reader *reader, const struct execution *execution, uint64_t count,
                         const char *schedule_name, const char *output_name);

/* Says on standard error what an error described by results_describe() is: its summary and where the program
 * was. */
void results_complain(const json_t *error);

/*
 * Writes everything to the directory, each file replaced as a whole, and removes nothing. Not synchronised:
 * it survives the end of this process, not that of the machine. Returns 0, or -1 with errno.
 */
int results_save(const struct results *results, const char *directory);

/*
 * Writes everything to the directory. Older results of ours that are not replaced are removed; keep_schedules
 * leaves the schedules among them. When the directory cannot take it, the results are written to a new
 * directory for temporary files, and that is said. Returns 0 when they are in directory, or -1 after saying
 * what is wrong; *written is where they are in the end (to be freed), or NULL.
 */
int results_write(const struct results *results, const char *directory, bool keep_schedules, char **written);

#endif
