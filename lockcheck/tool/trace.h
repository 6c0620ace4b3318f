/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command `trace`: prints a trace that --ctf has written, one event a line in columns, all of it or what
 * the options choose, or counts what is in it.
 *
 *   STEP       TIME ms  THREAD  OPERATION     OBJECT    ARGUMENT
 *     12      0.000031  left    sched_switch  to right, preempted
 *     12      0.000032  right   lock          a
 */
#ifndef LOCKCHECK_TOOL_TRACE_H
#define LOCKCHECK_TOOL_TRACE_H

#include "lockcheck/tool/options.h"

/* Returns the exit code: EXIT_USAGE also when not all of the trace could be shown. */
int trace_command(const struct options *options);

#endif
