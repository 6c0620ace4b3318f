/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/ktime.h>: times in nanoseconds, with a sign. The clock is the machine's, which counts
 * from its power-on and never goes back.
 */
#ifndef DDE_LINUX_KTIME_H
#define DDE_LINUX_KTIME_H

#include <linux/types.h>

#define NSEC_PER_USEC 1000L
#define NSEC_PER_MSEC 1000000L
#define NSEC_PER_SEC 1000000000L
#define KTIME_MAX INT64_MAX

/* What the clock shows. */
ktime_t ktime_get(void);

static inline u64 ktime_get_ns(void)
{
    return (u64)ktime_get();
}

static inline ktime_t ns_to_ktime(u64 ns)
{
    return (ktime_t)ns;
}

static inline ktime_t us_to_ktime(u64 us)
{
    return (ktime_t)us * NSEC_PER_USEC;
}

static inline ktime_t ms_to_ktime(u64 ms)
{
    return (ktime_t)ms * NSEC_PER_MSEC;
}

static inline ktime_t ktime_set(s64 seconds, unsigned long ns)
{
    return seconds >= KTIME_MAX / NSEC_PER_SEC ? KTIME_MAX : seconds * NSEC_PER_SEC + (s64)ns;
}

static inline s64 ktime_to_ns(ktime_t time)
{
    return time;
}

static inline s64 ktime_to_us(ktime_t time)
{
    return time / NSEC_PER_USEC;
}

static inline s64 ktime_to_ms(ktime_t time)
{
    return time / NSEC_PER_MSEC;
}

#define ktime_add(a, b) ((a) + (b))
#define ktime_sub(a, b) ((a) - (b))
#define ktime_add_ns(time, ns) ((time) + (ktime_t)(ns))
#define ktime_sub_ns(time, ns) ((time) - (ktime_t)(ns))
#define ktime_us_delta(later, earlier) ktime_to_us((later) - (earlier))
#define ktime_after(a, b) ((a) > (b))
#define ktime_before(a, b) ((a) < (b))

/* Later by that much, but never later than the end of time. */
static inline ktime_t ktime_add_safe(ktime_t time, ktime_t more)
{
    return time > 0 && more > KTIME_MAX - time ? KTIME_MAX : time + more;
}

#endif
