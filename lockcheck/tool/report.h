/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Results made readable by the Python renderers: `python3 -m lockcheck report DIR --format FORMAT`. */
#ifndef LOCKCHECK_TOOL_REPORT_H
#define LOCKCHECK_TOOL_REPORT_H

#include "lockcheck/tool/options.h"

/* Prints the results in directory on standard output, and waits for it. Returns 0, or -1 after saying what is
 * wrong. */
int report_print(const char *directory, const char *format);

/* The command `lockcheck report`: becomes the renderer. Returns an exit code only if that fails. */
int report_command(const struct options *options);

#endif
