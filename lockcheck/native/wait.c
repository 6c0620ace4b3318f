/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits for other threads' acts: condition variables, semaphores, barriers, and futex(2) as programs call it
 * through syscall(), the C++ library among them. All but barriers are cancellation points, or may be.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockcheck/native/native.h"

/* ---- condition variables ---- */

LCN_EXPORT int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    lcn_place_made(c, LCN_KIND_COND, LCN_CALLER);
    return LCN_REAL(pthread_cond_init)(c, attr);
}

struct cond_wait {
    struct lcn_thread *wait;
    pthread_mutex_t *mutex;
    uint64_t pc;
    bool held;
};

static inline struct cond_wait enter_cond(pthread_cond_t *c, pthread_mutex_t *m, bool timed, uint64_t pc)
{
    struct lcn_thread *t = lcn_thread;
    lcn_delay();
    if (t && !t->wait.object)
        t->wait.mutex = (uint64_t)m;
    struct lcn_thread *wait = lcn_wait_begin(LCN_OP_WAIT, LCN_KIND_COND, c, timed, pc);
    return (struct cond_wait){wait, m, pc, lcn_release(m)};
}

/* The mutex is the caller's again, also when the thread is cancelled. */
static void leave_cond(struct cond_wait *w)
{
    if (w->held)
        lcn_hold(LCN_OP_LOCK, LCN_KIND_MUTEX, w->mutex, w->pc);
    lcn_wait_end(w->wait);
}

#define COND_WAIT(timed, pc)                                                                                 \
    struct cond_wait wait_ __attribute__((cleanup(leave_cond))) = enter_cond(c, m, timed, pc);               \
    (void)wait_

int lcn_cond_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t pc)
{
    COND_WAIT(false, pc);
    return LCN_REAL(pthread_cond_wait)(c, m);
}

int lcn_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until, uint64_t pc)
{
    COND_WAIT(true, pc);
    return LCN_REAL(pthread_cond_timedwait)(c, m, until);
}

LCN_EXPORT int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    return lcn_cond_wait(c, m, LCN_CALLER);
}

LCN_EXPORT int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    return lcn_cond_timedwait(c, m, until, LCN_CALLER);
}

LCN_EXPORT int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                                      const struct timespec *until)
{
    COND_WAIT(true, LCN_CALLER);
    return LCN_REAL(pthread_cond_clockwait)(c, m, clock, until);
}

LCN_EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
    lcn_delay();
    int error = LCN_REAL(pthread_cond_signal)(c);
    lcn_delay();
    return error;
}

LCN_EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
    lcn_delay();
    int error = LCN_REAL(pthread_cond_broadcast)(c);
    lcn_delay();
    return error;
}

/* ---- barriers ---- */

LCN_EXPORT int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned count)
{
    lcn_place_made(b, LCN_KIND_BARRIER, LCN_CALLER);
    return LCN_REAL(pthread_barrier_init)(b, attr, count);
}

LCN_EXPORT int pthread_barrier_wait(pthread_barrier_t *b)
{
    lcn_delay();
    struct lcn_thread *wait = lcn_wait_begin(LCN_OP_BARRIER_WAIT, LCN_KIND_BARRIER, b, false, LCN_CALLER);
    int result = LCN_REAL(pthread_barrier_wait)(b);
    lcn_wait_end(wait);
    lcn_delay();
    return result;
}

/* ---- semaphores ---- */

LCN_EXPORT int sem_init(sem_t *s, int shared, unsigned value)
{
    lcn_place_made(s, LCN_KIND_SEMAPHORE, LCN_CALLER);
    return LCN_REAL(sem_init)(s, shared, value);
}

LCN_EXPORT int sem_wait(sem_t *s)
{
    lcn_delay();
    LCN_WAIT(LCN_OP_SEM_WAIT, LCN_KIND_SEMAPHORE, s, false, LCN_CALLER);
    return LCN_REAL(sem_wait)(s);
}

LCN_EXPORT int sem_timedwait(sem_t *s, const struct timespec *until)
{
    lcn_delay();
    LCN_WAIT(LCN_OP_SEM_WAIT, LCN_KIND_SEMAPHORE, s, true, LCN_CALLER);
    return LCN_REAL(sem_timedwait)(s, until);
}

LCN_EXPORT int sem_clockwait(sem_t *s, clockid_t clock, const struct timespec *until)
{
    lcn_delay();
    LCN_WAIT(LCN_OP_SEM_WAIT, LCN_KIND_SEMAPHORE, s, true, LCN_CALLER);
    return LCN_REAL(sem_clockwait)(s, clock, until);
}

/* No delays in it: a signal handler may post, and be late for the end of the world. */
LCN_EXPORT int sem_post(sem_t *s)
{
    return LCN_REAL(sem_post)(s);
}

/* ---- futexes ---- */

static bool waits(int operation)
{
    int command = operation & FUTEX_CMD_MASK;
    return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

LCN_EXPORT long syscall(long number, ...)
{
    va_list arguments;
    va_start(arguments, number);
    long a[6];
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number != SYS_futex || !waits((int)a[1]))
        return LCN_REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    LCN_WAIT(LCN_OP_FUTEX_WAIT, LCN_KIND_FUTEX, (void *)a[0], a[3] != 0, LCN_CALLER);
    return LCN_REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
