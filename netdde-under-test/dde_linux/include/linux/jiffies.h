/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/jiffies.h>. The counter is DDEKit's; it runs at 100 Hz and follows the mapped time. */
#ifndef DDE_LINUX_JIFFIES_H
#define DDE_LINUX_JIFFIES_H

#include <linux/types.h>

#undef HZ
#define HZ 100
#define MAX_JIFFY_OFFSET ((~0UL >> 1) - 1)

unsigned long linux_jiffies(void);
#undef jiffies
#define jiffies linux_jiffies()
#define get_jiffies_64() ((u64)linux_jiffies())

#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)
#define time_after_eq(a, b) ((long)((a) - (b)) >= 0)
#define time_before_eq(a, b) time_after_eq(b, a)
#define time_is_before_jiffies(a) time_after(jiffies, a)
#define time_is_after_jiffies(a) time_before(jiffies, a)

/* Rounded up: a wait of m ms is never shorter. */
static inline unsigned long msecs_to_jiffies(unsigned int ms)
{
    return ((unsigned long)ms * HZ + 999) / 1000;
}

static inline unsigned int jiffies_to_msecs(unsigned long j)
{
    return (unsigned int)(j * (1000 / HZ));
}

static inline unsigned int jiffies_to_usecs(unsigned long j)
{
    return (unsigned int)(j * (1000000 / HZ));
}

static inline unsigned long usecs_to_jiffies(unsigned int us)
{
    return ((unsigned long)us * HZ + 999999) / 1000000;
}

#endif
