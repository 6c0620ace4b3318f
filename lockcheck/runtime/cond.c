/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Condition variables (POSIX.1-2017, pthread_cond_wait) and barriers. A signal goes to the longest waiter. A
 * waiter whose time has run out but that has not run yet may still be signalled, and is then in time.
 * Spurious wake-ups are not made.
 */
#include <errno.h>

#include "lockcheck/detect/lost_wakeup.h"
#include "lockcheck/runtime/interpose.h"

/* __data.__wrefs in the C library's pthread_cond_t: bit 1 is the clock (0 realtime, 1 monotonic), bit 0
 * whether processes share it. */
#define WREFS_SHARED 1u
#define WREFS_CLOCK_MONOTONIC 2u

static struct lc_object *cond_object(pthread_cond_t *c)
{
    struct lc_object *o = lc_object_find(c);
    if (likely(o && o->kind == LC_KIND_COND))
        return o;
    o = lc_object_at(c, LC_KIND_COND);
    o->type = c->__data.__wrefs & WREFS_CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    o->shared = c->__data.__wrefs & WREFS_SHARED;
    return o;
}

static int wait_on(pthread_cond_t *c, pthread_mutex_t *m, enum lc_op op, int64_t deadline_ns)
{
    struct lc_object *cond = cond_object(c), *mutex = lc_mutex_object(m);
    struct lc_thread *me = lc_self;
    lc_test_cancel();
    me->object2 = mutex;
    lc_point(op, cond);
    me->object2 = NULL;
    int64_t depth = mutex->value;
    int error = lc_mutex_release_for_wait(mutex);
    if (error)
        return error;
    /* Where to go on after a wake-up: lc_signal() needs it to queue this thread for the mutex. */
    me->argument_of_wait = mutex;
    me->cancellable = true;
    bool woken = lc_wait(op, cond, deadline_ns);
    me->cancellable = false;
    if (woken)
        lc_acquire_requeued(mutex);
    else
        lc_acquire(LC_OP_LOCK, mutex, LC_NEVER);
    error = lc_mutex_took(mutex);
    mutex->value = depth > 0 ? depth : 1;
    if (!woken)
        lc_test_cancel();
    return error ? error : woken ? 0 : ETIMEDOUT;
}

static void signal_one(struct lc_object *cond)
{
    struct lc_thread *t = cond->waiters.first;
    lc_wake_to_acquire(t, t->argument_of_wait);
}

LC_EXPORT int pthread_cond_init(pthread_cond_t *c, const pthread_condattr_t *attr)
{
    int error = LC_REAL(pthread_cond_init)(c, attr);
    if (error || !lc_controlled())
        return error;
    struct lc_object *o = lc_object_new_made(c, LC_KIND_COND);
    o->type = c->__data.__wrefs & WREFS_CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    o->shared = c->__data.__wrefs & WREFS_SHARED;
    return 0;
}

LC_EXPORT int pthread_cond_destroy(pthread_cond_t *c)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_destroy)(c);
    struct lc_object *o = lc_object_find(c);
    if (o && o->kind == LC_KIND_COND) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return 0;
}

LC_EXPORT int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_wait)(c, m);
    return wait_on(c, m, LC_OP_WAIT, LC_NEVER);
}

LC_EXPORT int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_timedwait)(c, m, until);
    if (!lc_timespec_valid(until))
        return EINVAL;
    return wait_on(c, m, LC_OP_TIMEDWAIT, lc_deadline(cond_object(c)->type, until));
}

LC_EXPORT int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                                     const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_clockwait)(c, m, clock, until);
    if (!lc_timespec_valid(until) || !lc_clock_waits(clock))
        return EINVAL;
    return wait_on(c, m, LC_OP_TIMEDWAIT, lc_deadline(clock, until));
}

LC_EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_signal)(c);
    struct lc_object *o = cond_object(c);
    lc_point(LC_OP_SIGNAL, o);
    lc_note_signal(o);
    if (o->waiters.first)
        signal_one(o);
    return 0;
}

LC_EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
    if (!lc_controlled())
        return LC_REAL(pthread_cond_broadcast)(c);
    struct lc_object *o = cond_object(c);
    lc_point(LC_OP_BROADCAST, o);
    lc_note_signal(o);
    while (o->waiters.first)
        signal_one(o);
    return 0;
}

/* ---- barriers ---- */

LC_EXPORT int pthread_barrier_init(pthread_barrier_t *b, const pthread_barrierattr_t *attr, unsigned count)
{
    int error = LC_REAL(pthread_barrier_init)(b, attr, count);
    if (error || !lc_controlled())
        return error;
    struct lc_object *o = lc_object_new_made(b, LC_KIND_BARRIER);
    o->type = (int)count;
    int shared = PTHREAD_PROCESS_PRIVATE;
    if (attr)
        pthread_barrierattr_getpshared(attr, &shared);
    o->shared = shared == PTHREAD_PROCESS_SHARED;
    return 0;
}

LC_EXPORT int pthread_barrier_destroy(pthread_barrier_t *b)
{
    if (!lc_controlled())
        return LC_REAL(pthread_barrier_destroy)(b);
    struct lc_object *o = lc_object_find(b);
    if (o) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return 0;
}

LC_EXPORT int pthread_barrier_wait(pthread_barrier_t *b)
{
    if (!lc_controlled())
        return LC_REAL(pthread_barrier_wait)(b);
    struct lc_object *o = lc_object_at(b, LC_KIND_BARRIER);
    lc_point(LC_OP_BARRIER_WAIT, o);
    if (++o->value < o->type) {
        lc_wait(LC_OP_BARRIER_WAIT, o, LC_NEVER);
        return 0;
    }
    o->value = 0;
    while (o->waiters.first)
        lc_wake(o->waiters.first);
    return PTHREAD_BARRIER_SERIAL_THREAD;
}
