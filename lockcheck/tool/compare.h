/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `compare`: several checkers side by side on one program. Done in Python
 * (lockcheck/python/lockcheck/compare.py); here it is given what the command line says. */
#ifndef LOCKCHECK_TOOL_COMPARE_H
#define LOCKCHECK_TOOL_COMPARE_H

#include "lockcheck/tool/options.h"

/* Returns only when it cannot be started, with the exit code. */
int compare_command(const struct options *options);

#endif
