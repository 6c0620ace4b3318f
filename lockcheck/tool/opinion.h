/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second opinion: `run --valgrind helgrind|drd` and `run --tsan` run the program natively under a checker
 * of another project, and show what that reports in the form of our findings.
 *
 * The checker is told what it cannot see by a library of annotations (lockcheck/annotate). Its report is read
 * in Python (lockcheck/python/lockcheck/opinion); here the program is run, addresses get names, suppressions
 * are applied, and results are written.
 */
#ifndef LOCKCHECK_TOOL_OPINION_H
#define LOCKCHECK_TOOL_OPINION_H

#include "lockcheck/tool/options.h"

/* The name of a checker, or NULL when Valgrind has no such tool for threads. */
const char *opinion_checker(const char *name);

/* `run` with options->checker. Returns the exit code. */
int opinion_command(const struct options *options);

#endif
