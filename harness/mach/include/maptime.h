/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the mapped time, with the interface of the Hurd's libshouldbeinlibc.
 *
 * The page of the kernel is renewed at each clock tick. No thread ticks here: the time is read from the clock
 * by maptime_read(), the only way to read it, and is that of CLOCK_MONOTONIC: it begins with the machine and
 * never jumps.
 */
#ifndef HARNESS_MACH_MAPTIME_H
#define HARNESS_MACH_MAPTIME_H

#include <hurd.h>
#include <mach/time_value.h>
#include <sys/time.h>

/* "Map" the time. use_mach_dev and dev_name are ignored. *mtime is not to be freed. Returns 0. */
error_t maptime_map(int use_mach_dev, const char *dev_name, volatile struct mapped_time_value **mtime);

/* The time now, to the microsecond. */
void maptime_read(volatile struct mapped_time_value *mtime, struct timeval *tv);

#endif
