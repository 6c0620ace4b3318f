/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The GDB Remote Serial Protocol (Debugging with GDB, appendix E) for one traced schedule's process: gdb sees
 * the program's threads as its threads, numbered as lockcheck numbers them, each with its own stack,
 * registers and thread-local storage, although they are fibers of one kernel thread. The registers of a
 * thread that does not run are those that it goes on with; they cannot be written.
 *
 * "monitor" commands, for the Python commands in lockcheck/gdb: see `monitors` in the source.
 *
 * Left out: running several threads one by one (scheduler-locking), the upper halves of vector registers,
 * access to files of the target (it is this machine), extended-remote.
 */
#ifndef LOCKCHECK_TOOL_GDBSERVER_H
#define LOCKCHECK_TOOL_GDBSERVER_H

#include "lockcheck/tool/tracee.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Serves gdb at the other end of `socket` until it goes away. The process stands still at first. last_step:
 * of the recorded execution. SIGCHLD must be blocked, and come by `signals` (signalfd(2)). Returns 0, or -1
 * after saying what is wrong.
 */
int gdbserver_serve(struct tracee *tracee, int socket, int signals, uint64_t last_step);

#endif
