/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `replay` does with --gdb, --to and --trace: an execution to be looked into, with no results written.
 */
#ifndef LOCKCHECK_TOOL_DEBUG_H
#define LOCKCHECK_TOOL_DEBUG_H

#include "lockcheck/tool/launch.h"
#include "lockcheck/tool/options.h"
#include "lockcheck/tool/program.h"
#include "lockcheck/tool/schedule.h"

/* settings: of the replay. Returns the command's exit code. */
int debug_replay(const struct options *options, const struct program *program,
                 const struct schedule *schedule, const struct settings *settings);

#endif
