/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time-outs in milliseconds as absolute times; private to DDEKit.
 */
#ifndef DDEKIT_DEADLINE_H
#define DDEKIT_DEADLINE_H

#include <time.h>

/* The time of that clock so many milliseconds (0 or more) from now. */
static inline struct timespec deadline_after(clockid_t clock, int milliseconds)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += milliseconds % 1000 * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
    return time;
}

#endif
