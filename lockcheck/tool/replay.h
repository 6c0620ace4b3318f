/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command `replay`: the execution of a schedule file again. */
#ifndef LOCKCHECK_TOOL_REPLAY_H
#define LOCKCHECK_TOOL_REPLAY_H

#include "lockcheck/tool/options.h"

/* Returns the exit code: 1 when the finding shows again, 0 when the same clean execution does, 3 for another
 * execution. */
int replay_command(const struct options *options);

#endif
