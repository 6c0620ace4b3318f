/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: the one place that parses options, and the texts of --help. */
#ifndef LOCKCHECK_TOOL_OPTIONS_H
#define LOCKCHECK_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum verb {
    VERB_RUN,
    VERB_EXPLORE,
    VERB_REPLAY,
    VERB_SHRINK,
    VERB_MERGE,
    VERB_STRESS,
    VERB_ATTACH,
    VERB_COMPARE,
    VERB_REPORT,
    VERB_TRACE,
    VERB_STRATEGIES,
};

struct options {
    enum verb verb;
    const char *strategy;
    uint64_t schedules; /* UINT64_MAX: no limit */
    double seconds;     /* infinity: no limit */
    uint64_t seed;
    unsigned jobs;
    uint64_t max_steps;
    uint32_t depth;      /* pct; 0: the strategy's default */
    int32_t preemptions; /* dfs; -1: no bound */
    uint32_t points;     /* enum lc_points */
    uint32_t detect;     /* set of LC_DETECT_* */
    bool keep_going;
    bool shrink;
    uint64_t shard, shards; /* this one, from 1, of how many: 1 of 1 is everything */
    const char *resume;     /* the directory of the run to go on with, or NULL */
    bool budget_given;      /* --schedules or --time */
    const char *out;        /* shrink: a file */
    bool quiet;
    const char **suppressions; /* names of files, NULL at the end; NULL: none. Kept to the command's end */
    bool default_suppressions; /* those of the program count too */
    /* run --native and stress */
    bool native, keep_running;
    double timeout;      /* seconds that a run may take; infinity: no limit */
    uint64_t pid;        /* attach */
    const char *checker; /* run: "helgrind", "drd" or "tsan", under which it runs; or NULL */
    bool annotations;    /* it is told what orders the program */
    /* compare, which also takes timeout, schedules, seconds and seed */
    const char *tools, *tsan_program, *memory_program; /* or NULL */
    /* replay */
    bool gdb, trace;
    uint64_t from, to, last; /* steps and switches, or events with ctf; also of trace; 0: not given */
    char **gdb_arguments;    /* NULL at the end */
    const char *ctf;         /* also of run: the directory for a trace, or NULL */
    /* trace; NULL: not given */
    const char *thread, *object, *operation;
    double begin_ms, end_ms; /* infinity: not given */
    bool summary;
    /* replay and shrink */
    bool force;
    uint64_t times;
    const char *schedule;
    /* merge */
    char **directories; /* NULL at the end */
    /* report; out: a file; trace: directory */
    const char *format, *color, *directory;
    char **program; /* run and explore: the program and its arguments; NULL with resume */
};

/*
 * Parses the words of the command line. Returns true, or false with the exit code of the command in *code:
 * --help and --version have been answered, or what is wrong has been said.
 */
bool options_parse(struct options *options, int argc, char *argv[], int *code);

#endif
