/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mapped time as DDEKit uses it; private to DDEKit.
 */
#ifndef DDEKIT_CLOCK_H
#define DDEKIT_CLOCK_H

#include <stdint.h>
#include <ddekit/timer.h>

#define MICROSECONDS_PER_JIFFY (1000000ull / HZ)

/* The mapped time in microseconds. */
uint64_t clock_microseconds(void);

#endif
