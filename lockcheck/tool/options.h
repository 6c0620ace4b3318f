/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: the one place that parses options, and the texts of --help. */
#ifndef LOCKCHECK_TOOL_OPTIONS_H
#define LOCKCHECK_TOOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum verb { VERB_RUN, VERB_EXPLORE, VERB_REPLAY, VERB_REPORT };

struct options {
    enum verb verb;
    const char *strategy;
    uint64_t schedules; /* UINT64_MAX: no limit */
    double seconds;     /* infinity: no limit */
    uint64_t seed;
    unsigned jobs;
    uint64_t max_steps;
    bool keep_going;
    const char *out;
    bool quiet;
    /* replay */
    bool force;
    uint64_t times;
    const char *schedule;
    /* report */
    const char *format, *directory;
    char **program; /* run and explore: the program and its arguments */
};

/*
 * Parses the words of the command line. Returns true, or false with the exit code of the command in *code:
 * --help and --version have been answered, or what is wrong has been said.
 */
bool options_parse(struct options *options, int argc, char *argv[], int *code);

#endif
