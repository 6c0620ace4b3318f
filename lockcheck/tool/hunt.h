/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands `run` and `explore`: schedules of a program, until a finding or the budget's end.
 *
 * Schedules have numbers, handed out in order to as many templates as there are jobs. What counts is the
 * schedule with the lowest number that shows something: once it is known, none with a higher number is begun,
 * those with lower numbers are awaited, and what others showed is forgotten. So the result depends on the
 * seed, not on the number of jobs or the speed of the machine, as long as the budget is a number of
 * schedules.
 *
 * A finding is reported only if its schedule, replayed in a fresh process, is the same execution.
 */
#ifndef LOCKCHECK_TOOL_HUNT_H
#define LOCKCHECK_TOOL_HUNT_H

#include "lockcheck/tool/options.h"

/* Returns the exit code. */
int hunt_command(const struct options *options);

#endif
