/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * futex(2) as programs call it through syscall(), and the C++ library with them: std::atomic::wait,
 * std::latch, std::counting_semaphore, std::future. Waits and wakes within the process; requeueing and
 * priority inheritance are named as uncontrolled. sched_yield() is here too: it is the other primitive below
 * the pthread family.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lockcheck/runtime/interpose.h"

static long fail(int error)
{
    errno = error;
    return -1;
}

/* A signal's handler ends the wait, or restarts the call if that has no time, which then looks at the word
 * again. */
static long futex_wait(int *word, int operation, int expected, const struct timespec *timeout)
{
    struct lc_object *o = lc_object_at(word, LC_KIND_FUTEX);
    int command = operation & FUTEX_CMD_MASK;
    int64_t deadline = LC_NEVER;
    if (timeout) {
        if (!lc_timespec_valid(timeout))
            return fail(EINVAL);
        clockid_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
        deadline = command == FUTEX_WAIT ? lc_deadline_in(timeout) : lc_deadline(clock, timeout);
    }
    struct lc_thread *me = lc_self;
    enum lc_interruption interrupted;
    bool woken;
    do {
        me->object2 = lc_memory_object(word); /* it is read here */
        lc_point(LC_OP_FUTEX_WAIT, o);
        me->object2 = NULL;
        if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected)
            return fail(EAGAIN);
        me->interruptible = true;
        me->interrupted = LC_NOT_INTERRUPTED;
        woken = lc_wait(LC_OP_FUTEX_WAIT, o, deadline);
        me->interruptible = false;
        interrupted = me->interrupted;
        me->interrupted = LC_NOT_INTERRUPTED;
    } while (!woken && interrupted == LC_RESTARTED && !timeout);
    return woken ? 0 : fail(interrupted != LC_NOT_INTERRUPTED ? EINTR : ETIMEDOUT);
}

static long futex_wake(int *word, int count)
{
    struct lc_object *o = lc_object_at(word, LC_KIND_FUTEX);
    lc_point(LC_OP_FUTEX_WAKE, o);
    long woken = 0;
    for (; o->waiters.first && woken < count; woken++)
        lc_wake(o->waiters.first);
    return woken;
}

static long futex(int *word, int operation, int value, const struct timespec *timeout)
{
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
        return futex_wait(word, operation, value, timeout);
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
        return futex_wake(word, value);
    default:
        lc_uncontrolled("{t%u} calls futex() with operation %d, which lockcheck does not control",
                        lc_self->id, operation & FUTEX_CMD_MASK);
    }
}

LC_EXPORT long syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number == SYS_futex && lc_controlled())
        return futex((int *)a[0], (int)a[1], (int)a[2], (const struct timespec *)a[3]);
    return LC_REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

LC_EXPORT int sched_yield(void)
{
    if (!lc_controlled())
        return LC_REAL(sched_yield)();
    lc_point(LC_OP_YIELD, NULL);
    return 0;
}

/* Old programs call it; the C library's header makes it sched_yield() for new ones, and for us. */
LC_EXPORT int old_pthread_yield(void) __asm__("pthread_yield");
int old_pthread_yield(void)
{
    return sched_yield();
}
