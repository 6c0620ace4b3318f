/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapped time. See <maptime.h>.
 */
#include <maptime.h>

#include "harness/machine/machine.h"

#define NS_PER_US 1000u
#define US_PER_S 1000000u

/* Stands for the kernel's page: what maptime_map() gives, and nothing reads. */
static struct mapped_time_value time_page;

error_t maptime_map(int use_mach_dev, const char *dev_name, volatile struct mapped_time_value **mtime)
{
    (void)use_mach_dev;
    (void)dev_name;
    *mtime = &time_page;
    return 0;
}

void maptime_read(volatile struct mapped_time_value *mtime, struct timeval *tv)
{
    (void)mtime;
    uint64_t us = machine_now_ns() / NS_PER_US;
    tv->tv_sec = (time_t)(us / US_PER_S);
    tv->tv_usec = (suseconds_t)(us % US_PER_S);
}
