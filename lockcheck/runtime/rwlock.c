/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-write locks (POSIX.1-2017, pthread_rwlock_rdlock). A reader may come in while a writer waits, as with
 * the C library's default kind; with PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP it may not.
 */
#include <errno.h>

#include "lockcheck/runtime/interpose.h"

static struct lc_reader *free_readers;

static struct lc_reader *reader_of(struct lc_object *o, const struct lc_thread *t)
{
    struct lc_reader *r = o->readers;
    while (r && r->thread != t)
        r = r->next;
    return r;
}

static void add_reader(struct lc_object *o)
{
    struct lc_reader *r = reader_of(o, lc_self);
    if (!r) {
        r = free_readers;
        if (r)
            free_readers = r->next;
        else
            r = lc_allocate(sizeof *r);
        *r = (struct lc_reader){.next = o->readers, .thread = lc_self};
        o->readers = r;
    }
    r->count++;
}

static void drop_reader(struct lc_object *o, struct lc_reader *r)
{
    if (--r->count)
        return;
    struct lc_reader **link = &o->readers;
    while (*link != r)
        link = &(*link)->next;
    *link = r->next;
    r->next = free_readers;
    free_readers = r;
}

static struct lc_object *rwlock_object(pthread_rwlock_t *l)
{
    struct lc_object *o = lc_object_find(l);
    if (likely(o && o->kind == LC_KIND_RWLOCK))
        return o;
    o = lc_object_at(l, LC_KIND_RWLOCK);
    o->type = (int)l->__data.__flags; /* the kind, in the C library's pthread_rwlock_t */
    return o;
}

static int take(pthread_rwlock_t *l, enum lc_op op, int64_t deadline_ns, bool try)
{
    struct lc_object *o = rwlock_object(l);
    if (try) {
        lc_point(LC_OP_TRYLOCK, o);
        if (!lc_available(op, o, lc_self)) {
            lc_emit(LC_OP_BUSY, o, 0);
            return EBUSY;
        }
    } else {
        if (o->owner == lc_self)
            return EDEADLK;
        if (!lc_acquire(op, o, deadline_ns))
            return ETIMEDOUT;
    }
    if (op == LC_OP_WRITE_LOCK)
        o->owner = lc_self;
    else
        add_reader(o);
    if (try)
        lc_emit(LC_OP_LOCKED, o, 0);
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int pthread_rwlock_init(pthread_rwlock_t *l, const pthread_rwlockattr_t *attr)
{
    int error = LC_REAL(pthread_rwlock_init)(l, attr);
    if (error || !lc_controlled())
        return error;
    struct lc_object *o = lc_object_new_made(l, LC_KIND_RWLOCK);
    o->type = (int)l->__data.__flags;
    o->shared = l->__data.__shared;
    return 0;
}

LC_EXPORT int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_destroy)(l);
    struct lc_object *o = lc_object_find(l);
    if (o && o->kind == LC_KIND_RWLOCK) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return 0;
}

LC_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_rdlock)(l);
    return take(l, LC_OP_READ_LOCK, LC_NEVER, false);
}

LC_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_wrlock)(l);
    return take(l, LC_OP_WRITE_LOCK, LC_NEVER, false);
}

LC_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_tryrdlock)(l);
    return take(l, LC_OP_READ_LOCK, LC_NEVER, true);
}

LC_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_trywrlock)(l);
    return take(l, LC_OP_WRITE_LOCK, LC_NEVER, true);
}

LC_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_clockrdlock)(l, clock, until);
    if (!lc_clock_waits(clock) || !lc_timespec_valid(until))
        return EINVAL;
    return take(l, LC_OP_READ_LOCK, lc_deadline(clock, until), false);
}

LC_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *l, clockid_t clock, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_clockwrlock)(l, clock, until);
    if (!lc_clock_waits(clock) || !lc_timespec_valid(until))
        return EINVAL;
    return take(l, LC_OP_WRITE_LOCK, lc_deadline(clock, until), false);
}

LC_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *l, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_timedrdlock)(l, until);
    return pthread_rwlock_clockrdlock(l, CLOCK_REALTIME, until);
}

LC_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *l, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_timedwrlock)(l, until);
    return pthread_rwlock_clockwrlock(l, CLOCK_REALTIME, until);
}

LC_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    if (!lc_controlled())
        return LC_REAL(pthread_rwlock_unlock)(l);
    struct lc_object *o = rwlock_object(l);
    lc_point(LC_OP_UNLOCK, o);
    struct lc_reader *r = reader_of(o, lc_self);
    if (o->owner)
        o->owner = NULL;
    else if (r || (r = o->readers))
        drop_reader(o, r);
    lc_availability_changed(o);
    return 0;
}
