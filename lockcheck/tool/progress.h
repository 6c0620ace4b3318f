/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of progress on standard error while schedules are explored, if that is a terminal; nothing of it
 * otherwise.
 */
#ifndef LOCKCHECK_TOOL_PROGRESS_H
#define LOCKCHECK_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress_figures {
    uint64_t schedules; /* that have ended, also before this run went on */
    uint64_t distinct;  /* different executions among them */
    bool distinct_exact;
    uint64_t findings; /* schedules that showed one */
    size_t groups;     /* different ones */
    double seconds;    /* that have passed */
    /* Where the budget ends; UINT64_MAX and infinity: nowhere. */
    uint64_t limit_schedules;
    double limit_seconds;
};

/* Starts the line. quiet: there is to be none. */
void progress_start(bool quiet);
/* Shows these figures, at most a few times a second; otherwise it costs one look at the clock. */
bool progress_due(void);
void progress_show(const struct progress_figures *figures);
/* A line of that text in its place, for work whose length is not known. */
void progress_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Removes the line from the terminal; the next progress_show() draws it anew. */
void progress_clear(void);
void progress_end(void);

#endif
