/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands `run --native`, `stress` and `attach`: programs with real threads, in real time, watched from
 * outside (watch.h) by what liblockcheck-native.so records in them.
 *
 * The program and all processes that it makes or becomes, and that have the library, are looked at some
 * hundred times a second. What is found ends the run: a deadlock or a hang that is proved, the end of the
 * time that it may take, what a thread reports (lockcheck_finding(), a failed assertion, a deadly signal), or
 * its end by a signal or with a status other than 0. Then all that the program has started is killed.
 *
 * `stress` does that again and again, with yields and sleeps at operations on locks that are drawn from the
 * seed and the number of the run. A run is no schedule: it cannot be repeated exactly.
 */
#ifndef LOCKCHECK_TOOL_NATIVE_H
#define LOCKCHECK_TOOL_NATIVE_H

#include "lockcheck/tool/options.h"

/* `run --native` and `stress`. Returns the exit code. */
int native_command(const struct options *options);

/* `attach`: prints the wait graph of a process that has the library. Returns the exit code: 1 when it is a
 * deadlock, 0 when it is none, 2 when the process cannot be looked into. */
int attach_command(const struct options *options);

#endif
