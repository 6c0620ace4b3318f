/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jiffies, a function of the mapped time.
 */
#include <stddef.h>
#include <maptime.h>
#include <ddekit/assert.h>
#include "clock.h"

uint64_t clock_microseconds(void)
{
    /* The mapping is the same for everybody and for ever; two threads that both ask first store the same. */
    static volatile struct mapped_time_value *_Atomic mapping;
    volatile struct mapped_time_value *time = mapping;
    struct timeval now;

    if (!time) {
        error_t error = maptime_map(0, NULL, &time);

        ddekit_assert(!error);
        mapping = time;
    }
    maptime_read(time, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
}

unsigned long long fetch_jiffies(void)
{
    return clock_microseconds() / MICROSECONDS_PER_JIFFY;
}
