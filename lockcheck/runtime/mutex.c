/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutexes of all types (POSIX.1-2017, pthread_mutex_lock) and spin locks. Waiting threads compete when a
 * mutex is released, as they do on a real machine. Priority protocols change no order here and are accepted
 * as they are.
 */
#include <errno.h>

#include "lockcheck/runtime/interpose.h"

/* Bits of __kind in the C library's pthread_mutex_t, for mutexes that have a static initialiser. */
#define KIND_TYPE_MASK 3
#define KIND_ROBUST 16
#define KIND_SHARED 128

/* The C library leaves this in one that was destroyed. */
static bool destroyed(const pthread_mutex_t *m)
{
    return m->__data.__kind == -1;
}

struct lc_object *lc_mutex_object(pthread_mutex_t *m)
{
    struct lc_object *o = lc_object_find(m);
    if (likely(o && o->kind == LC_KIND_MUTEX))
        return o;
    o = lc_object_at(m, LC_KIND_MUTEX);
    if (destroyed(m))
        lc_emit(LC_OP_DESTROY, o, EINVAL); /* for detectors: it is used again */
    o->type = m->__data.__kind & KIND_TYPE_MASK;
    o->robust = m->__data.__kind & KIND_ROBUST;
    o->shared = m->__data.__kind & KIND_SHARED;
    return o;
}

static int took(struct lc_object *o)
{
    o->owner = lc_self;
    o->value++;
    lc_availability_changed(o);
    return o->inconsistent ? EOWNERDEAD : 0;
}

int lc_mutex_took(struct lc_object *o)
{
    return took(o);
}

static void release(struct lc_object *o)
{
    if (o->value > 1) {
        o->value--;
        return;
    }
    o->value = 0;
    o->owner = NULL;
    lc_availability_changed(o);
}

/* A mutex whose owner died, and whose next owner gave it up without mending it, is of no use to anyone. */
static bool unusable(const struct lc_object *o)
{
    return o->type == -1;
}

int lc_mutex_release_for_wait(struct lc_object *o)
{
    if (o->owner != lc_self &&
        (o->type == PTHREAD_MUTEX_ERRORCHECK || o->type == PTHREAD_MUTEX_RECURSIVE || o->robust))
        return EPERM;
    o->value = 0;
    o->owner = NULL;
    lc_availability_changed(o);
    return 0;
}

/* late: what to fail with after the deadline. */
static int lock(pthread_mutex_t *m, enum lc_op op, int64_t deadline_ns, int late)
{
    struct lc_object *o = lc_mutex_object(m);
    if (o->owner == lc_self &&
        (o->type == PTHREAD_MUTEX_ERRORCHECK || (o->robust && o->type == PTHREAD_MUTEX_NORMAL)))
        return EDEADLK;
    if (!lc_acquire(op, o, deadline_ns))
        return late;
    if (unlikely(unusable(o)))
        return ENOTRECOVERABLE;
    return took(o);
}

LC_EXPORT int pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_init)(m, attr);
    int error = LC_REAL(pthread_mutex_init)(m, attr);
    if (error)
        return error;
    struct lc_object *o = lc_object_new_made(m, LC_KIND_MUTEX);
    o->type = m->__data.__kind & KIND_TYPE_MASK;
    o->robust = m->__data.__kind & KIND_ROBUST;
    o->shared = m->__data.__kind & KIND_SHARED;
    return 0;
}

LC_EXPORT int pthread_mutex_destroy(pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_destroy)(m);
    struct lc_object *o = lc_object_find(m);
    if (o && o->kind == LC_KIND_MUTEX) {
        lc_emit(LC_OP_DESTROY, o, 0);
        if (o->owner)
            return EBUSY;
        lc_object_forget(o);
    }
    return LC_REAL(pthread_mutex_destroy)(m); /* which marks it: see destroyed() */
}

LC_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_lock)(m);
    return lock(m, LC_OP_LOCK, LC_NEVER, 0);
}

LC_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_clocklock)(m, clock, until);
    if (!lc_clock_waits(clock))
        return EINVAL;
    int late;
    int64_t deadline_ns = lc_deadline_or_error(clock, until, &late);
    return lock(m, LC_OP_TIMEDLOCK, deadline_ns, late);
}

LC_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_timedlock)(m, until);
    return pthread_mutex_clocklock(m, CLOCK_REALTIME, until);
}

LC_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_trylock)(m);
    struct lc_object *o = lc_mutex_object(m);
    lc_point(LC_OP_TRYLOCK, o);
    if (!lc_available(LC_OP_LOCK, o, lc_self)) {
        lc_emit(LC_OP_BUSY, o, 0);
        return EBUSY;
    }
    if (unusable(o))
        return ENOTRECOVERABLE;
    lc_emit(LC_OP_LOCKED, o, 0);
    return took(o);
}

LC_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_unlock)(m);
    struct lc_object *o = lc_mutex_object(m);
    if (o->owner != lc_self &&
        (o->type == PTHREAD_MUTEX_ERRORCHECK || o->type == PTHREAD_MUTEX_RECURSIVE || o->robust))
        return EPERM;
    lc_point(LC_OP_UNLOCK, o);
    if (unlikely(o->inconsistent)) {
        o->inconsistent = false;
        o->type = -1;
    }
    release(o);
    return 0;
}

LC_EXPORT int pthread_mutex_consistent(pthread_mutex_t *m)
{
    if (!lc_controlled())
        return LC_REAL(pthread_mutex_consistent)(m);
    struct lc_object *o = lc_mutex_object(m);
    if (!o->robust || !o->inconsistent || o->owner != lc_self)
        return EINVAL;
    o->inconsistent = false;
    return 0;
}

void lc_robust_mutexes_of_ended(struct lc_thread *t)
{
    for (struct lc_object *o = lc_objects; o; o = o->all_next)
        if (o->kind == LC_KIND_MUTEX && o->robust && o->owner == t && !o->destroyed) {
            lc_point(LC_OP_UNLOCK, o);
            o->inconsistent = true;
            o->value = 0;
            o->owner = NULL;
            lc_availability_changed(o);
        }
}

/* ---- spin locks: they wait like any lock, since a spinning fiber would never let its owner run ---- */

LC_EXPORT int pthread_spin_init(pthread_spinlock_t *s, int shared)
{
    if (lc_controlled())
        lc_object_new_made((void *)s, LC_KIND_SPINLOCK);
    return LC_REAL(pthread_spin_init)(s, shared);
}

LC_EXPORT int pthread_spin_destroy(pthread_spinlock_t *s)
{
    struct lc_object *o = lc_controlled() ? lc_object_find((void *)s) : NULL;
    if (o) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return 0;
}

LC_EXPORT int pthread_spin_lock(pthread_spinlock_t *s)
{
    if (!lc_controlled())
        return LC_REAL(pthread_spin_lock)(s);
    struct lc_object *o = lc_object_at((void *)s, LC_KIND_SPINLOCK);
    lc_acquire(LC_OP_LOCK, o, LC_NEVER);
    return took(o);
}

LC_EXPORT int pthread_spin_trylock(pthread_spinlock_t *s)
{
    if (!lc_controlled())
        return LC_REAL(pthread_spin_trylock)(s);
    struct lc_object *o = lc_object_at((void *)s, LC_KIND_SPINLOCK);
    lc_point(LC_OP_TRYLOCK, o);
    if (o->owner) {
        lc_emit(LC_OP_BUSY, o, 0);
        return EBUSY;
    }
    lc_emit(LC_OP_LOCKED, o, 0);
    return took(o);
}

LC_EXPORT int pthread_spin_unlock(pthread_spinlock_t *s)
{
    if (!lc_controlled())
        return LC_REAL(pthread_spin_unlock)(s);
    struct lc_object *o = lc_object_at((void *)s, LC_KIND_SPINLOCK);
    lc_point(LC_OP_UNLOCK, o);
    release(o);
    return 0;
}
