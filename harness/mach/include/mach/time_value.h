/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapped time: the form of the page that GNU Mach's "time" device lets a task map.
 */
#ifndef HARNESS_MACH_TIME_VALUE_H
#define HARNESS_MACH_TIME_VALUE_H

#include <mach/std_types.h>

typedef struct mapped_time_value {
    integer_t seconds;
    integer_t microseconds;
    integer_t check_seconds;
} mapped_time_value_t;

#endif
