/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line of progress on standard error while schedules are explored, if that is a terminal; nothing of it
 * otherwise.
 */
#ifndef LOCKCHECK_TOOL_PROGRESS_H
#define LOCKCHECK_TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Starts the line. quiet: there is to be none. */
void progress_start(bool quiet);
/* Shows these figures, at most a few times a second. */
void progress_show(uint64_t schedules, uint64_t findings);
/* Removes the line from the terminal; the next progress_show() draws it anew. */
void progress_clear(void);
void progress_end(void);

#endif
