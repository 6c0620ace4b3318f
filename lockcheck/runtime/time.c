/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual time: every clock reads the same virtual nanoseconds, and every sleep is a wait for a deadline.
 * Reading a clock is not a scheduling point and takes no time, but a thread that only reads clocks is waiting
 * for time to pass, and from CLOCK_READS_FREE reads on each of its reads lets a little pass.
 */
#include <errno.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/runtime/interpose.h"

#define NS_PER_S 1000000000ll
#define CLOCK_READS_FREE 1000u
#define CLOCK_READ_NS 1000ll
#define CLOCK_TICKS_PER_S 100 /* times(3): sysconf(_SC_CLK_TCK) */

bool lc_timespec_valid(const struct timespec *t)
{
    return t->tv_nsec >= 0 && t->tv_nsec < NS_PER_S;
}

bool lc_clock_waits(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

static int64_t first_ns(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        return LC_FIRST_REALTIME_NS;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        return LC_FIRST_MONOTONIC_NS;
    default:
        return 0; /* processor time */
    }
}

static int64_t to_ns(const struct timespec *t)
{
    if (t->tv_sec < 0)
        return 0;
    if (t->tv_sec >= INT64_MAX / NS_PER_S)
        return LC_NEVER;
    return t->tv_sec * NS_PER_S + t->tv_nsec;
}

int64_t lc_deadline(clockid_t clock, const struct timespec *absolute)
{
    int64_t ns = to_ns(absolute);
    return ns == LC_NEVER ? LC_NEVER : ns - first_ns(clock);
}

int64_t lc_deadline_or_error(clockid_t clock, const struct timespec *absolute, int *error)
{
    bool past = absolute->tv_sec < 0;
    *error = past || lc_timespec_valid(absolute) ? ETIMEDOUT : EINVAL;
    return *error == EINVAL || past ? INT64_MIN : lc_deadline(clock, absolute);
}

int64_t lc_deadline_in(const struct timespec *relative)
{
    int64_t ns = to_ns(relative);
    return ns >= LC_NEVER - lc.now_ns ? LC_NEVER : lc.now_ns + ns;
}

static int64_t read_clock(clockid_t clock)
{
    lc.learned++;
    if (lc_self && ++lc_self->clock_reads > CLOCK_READS_FREE) {
        lc_self->clock_reads = CLOCK_READS_FREE;
        struct timespec little = {.tv_nsec = CLOCK_READ_NS};
        lc_point(LC_OP_YIELD, NULL);
        lc_wait(LC_OP_SLEEP, NULL, lc_deadline_in(&little));
        lc_self->clock_reads = CLOCK_READS_FREE;
    }
    return first_ns(clock) + lc.now_ns;
}

static struct timespec to_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
}

/* ---- clocks ---- */

/* Negative ones are of processor time. */
static bool is_clock(clockid_t clock)
{
    return clock <= CLOCK_BOOTTIME_ALARM || clock == CLOCK_TAI;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

LC_EXPORT int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!lc_controlled())
        return LC_REAL(clock_gettime)(clock, now);
    if (!is_clock(clock))
        return fail(EINVAL);
    *now = to_timespec(read_clock(clock));
    return 0;
}

LC_EXPORT int clock_getres(clockid_t clock, struct timespec *resolution)
{
    if (!lc_controlled())
        return LC_REAL(clock_getres)(clock, resolution);
    if (!is_clock(clock))
        return fail(EINVAL);
    if (resolution)
        *resolution = (struct timespec){.tv_nsec = 1};
    return 0;
}

LC_EXPORT int gettimeofday(struct timeval *now, void *zone)
{
    if (!lc_controlled())
        return LC_REAL(gettimeofday)(now, zone);
    int64_t ns = read_clock(CLOCK_REALTIME);
    *now = (struct timeval){.tv_sec = ns / NS_PER_S, .tv_usec = ns % NS_PER_S / 1000};
    return 0;
}

LC_EXPORT time_t time(time_t *out)
{
    if (!lc_controlled())
        return LC_REAL(time)(out);
    time_t now = read_clock(CLOCK_REALTIME) / NS_PER_S;
    if (out)
        *out = now;
    return now;
}

LC_EXPORT int timespec_get(struct timespec *now, int base)
{
    if (!lc_controlled())
        return LC_REAL(timespec_get)(now, base);
    if (base != TIME_UTC)
        return 0;
    *now = to_timespec(read_clock(CLOCK_REALTIME));
    return base;
}

LC_EXPORT clock_t clock(void)
{
    if (!lc_controlled())
        return LC_REAL(clock)();
    return read_clock(CLOCK_PROCESS_CPUTIME_ID) / (NS_PER_S / CLOCKS_PER_SEC);
}

LC_EXPORT clock_t times(struct tms *buffer)
{
    if (!lc_controlled())
        return LC_REAL(times)(buffer);
    clock_t ticks = read_clock(CLOCK_PROCESS_CPUTIME_ID) / (NS_PER_S / CLOCK_TICKS_PER_S);
    if (buffer)
        *buffer = (struct tms){.tms_utime = ticks};
    return ticks;
}

/* ---- sleeps: a signal's handler ends them, and none is restarted: signal(7) ---- */

bool lc_sleep_until(int64_t deadline_ns)
{
    struct lc_thread *me = lc_self;
    lc_test_cancel();
    lc_point(LC_OP_SLEEP, NULL);
    me->cancellable = me->interruptible = true;
    me->interrupted = LC_NOT_INTERRUPTED;
    lc_wait(LC_OP_SLEEP, NULL, deadline_ns);
    me->cancellable = me->interruptible = false;
    bool whole = me->interrupted == LC_NOT_INTERRUPTED;
    me->interrupted = LC_NOT_INTERRUPTED;
    lc_test_cancel();
    return whole;
}

/* What clock_nanosleep(2) has against that clock, or 0. */
static int sleeps_by(clockid_t clock)
{
    switch (clock) {
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_MONOTONIC_COARSE:
        return EOPNOTSUPP;
    case CLOCK_THREAD_CPUTIME_ID:
        return EINVAL;
    default:
        return is_clock(clock) ? 0 : EINVAL;
    }
}

/* Returns 0, or EINTR and in *left how much was left. */
static int sleep_for(const struct timespec *time, struct timespec *left)
{
    int64_t deadline_ns = lc_deadline_in(time);
    if (lc_sleep_until(deadline_ns))
        return 0;
    *left = to_timespec(deadline_ns > lc.now_ns ? deadline_ns - lc.now_ns : 0);
    return EINTR;
}

LC_EXPORT int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *left)
{
    if (!lc_controlled())
        return LC_REAL(clock_nanosleep)(clock, flags, time, left);
    if (sleeps_by(clock) || !lc_timespec_valid(time) || time->tv_sec < 0)
        return sleeps_by(clock) ? sleeps_by(clock) : EINVAL;
    if (flags & TIMER_ABSTIME)
        return lc_sleep_until(lc_deadline(clock, time)) ? 0 : EINTR;
    struct timespec rest;
    int error = sleep_for(time, &rest);
    if (error && left)
        *left = rest;
    return error;
}

LC_EXPORT int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (!lc_controlled())
        return LC_REAL(nanosleep)(time, left);
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, time, left);
    return error ? fail(error) : 0;
}

LC_EXPORT int usleep(useconds_t us)
{
    if (!lc_controlled())
        return LC_REAL(usleep)(us);
    struct timespec time = to_timespec((int64_t)us * 1000);
    int error = sleep_for(&time, &time);
    return error ? fail(error) : 0;
}

LC_EXPORT unsigned sleep(unsigned seconds)
{
    if (!lc_controlled())
        return LC_REAL(sleep)(seconds);
    struct timespec time = {.tv_sec = seconds};
    return sleep_for(&time, &time) ? (unsigned)time.tv_sec : 0;
}

/* ---- timers of the kernel run in real time, which no schedule can hold ---- */

LC_EXPORT int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    if (lc_controlled())
        lc_uncontrolled("{t%u} calls timer_create(), and lockcheck does not control kernel timers",
                        lc_self->id);
    return LC_REAL(timer_create)(clock, event, timer);
}

LC_EXPORT int timerfd_create(int clock, int flags)
{
    if (lc_controlled())
        lc_uncontrolled("{t%u} calls timerfd_create(), and lockcheck does not control kernel timers",
                        lc_self->id);
    return LC_REAL(timerfd_create)(clock, flags);
}

LC_EXPORT int setitimer(__itimer_which_t which, const struct itimerval *value, struct itimerval *before)
{
    if (lc_controlled() && value && (value->it_value.tv_sec || value->it_value.tv_usec))
        lc_uncontrolled("{t%u} calls setitimer(), and lockcheck does not control kernel timers", lc_self->id);
    return LC_REAL(setitimer)(which, value, before);
}

LC_EXPORT unsigned alarm(unsigned seconds)
{
    if (lc_controlled() && seconds)
        lc_uncontrolled("{t%u} calls alarm(), and lockcheck does not control kernel timers", lc_self->id);
    return LC_REAL(alarm)(seconds);
}
