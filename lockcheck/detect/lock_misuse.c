/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lock-misuse: what POSIX.1-2017 leaves undefined, and the C library mostly lets pass.
 *
 *   - a lock is given up that nobody holds, or that another thread holds (pthread_mutex_unlock,
 *     pthread_rwlock_unlock, pthread_spin_unlock)
 *   - an object is destroyed while it is held or waited for (pthread_mutex_destroy, pthread_cond_destroy,
 * ...)
 *   - a mutex is used after it was destroyed, and not initialised again
 *   - a condition variable is waited for with a mutex that the caller does not hold, or with another one than
 *     those that wait there already (pthread_cond_wait)
 *   - a thread ends and holds a lock, which nobody can give up now; a robust mutex is made for that
 *
 * Where POSIX has the call fail with an error (a mutex that checks errors, or is recursive), the program can
 * look after itself, and nothing is reported. A thread that locks a plain mutex twice is a deadlock.
 */
#include <errno.h>

#include "lockcheck/detect/held.h"

enum misuse {
    NOT_HELD,
    HELD_BY_OTHER,
    DESTROYED_IN_USE,
    USED_DESTROYED,
    WAITS_WITHOUT,
    TWO_MUTEXES,
    ENDED_WITH_LOCK,
};

#define REPORT(misuse, object, ...)                                                                          \
    do {                                                                                                     \
        if (lc_report(lc_mix(lc_lock_class(object) + (misuse))))                                             \
            lc_finding("lock-misuse", __VA_ARGS__);                                                          \
    } while (0)

static bool reads(const struct lc_object *o, const struct lc_thread *t)
{
    const struct lc_reader *r = o->readers;
    while (r && r->thread != t)
        r = r->next;
    return r != NULL;
}

static void given(struct lc_object *o)
{
    if (o->owner == lc_self || reads(o, lc_self))
        return;
    if (o->owner)
        REPORT(HELD_BY_OTHER, o, "{t%u} unlocks {o%u}, which {t%u} holds", lc_self->id, o->id, o->owner->id);
    else if (o->readers)
        REPORT(HELD_BY_OTHER, o, "{t%u} unlocks {o%u}, which others hold for reading, and not itself",
               lc_self->id, o->id);
    else
        REPORT(NOT_HELD, o, "{t%u} unlocks {o%u}, which nobody holds", lc_self->id, o->id);
}

static void destroyed(struct lc_object *o)
{
    if (o->kind == LC_KIND_DESCRIPTOR || o->kind == LC_KIND_THREAD)
        return;
    if (o->owner)
        REPORT(DESTROYED_IN_USE, o, "{t%u} destroys {o%u} while {t%u} holds it", lc_self->id, o->id,
               o->owner->id);
    else if (o->readers)
        REPORT(DESTROYED_IN_USE, o, "{t%u} destroys {o%u} while {t%u} holds it for reading", lc_self->id,
               o->id, o->readers->thread->id);
    else if (o->waiters.first)
        REPORT(DESTROYED_IN_USE, o, "{t%u} destroys {o%u} while {t%u} waits for it", lc_self->id, o->id,
               o->waiters.first->id);
}

static void waits(struct lc_object *cond, struct lc_object *mutex)
{
    const struct lc_thread *other = cond->waiters.first;
    if (mutex->owner != lc_self)
        REPORT(WAITS_WITHOUT, cond, "{t%u} waits for {o%u} with {o%u}, which it does not hold", lc_self->id,
               cond->id, mutex->id);
    else if (other && other->argument_of_wait != mutex)
        REPORT(TWO_MUTEXES, cond, "{t%u} waits for {o%u} with {o%u}, and {t%u} waits for it with {o%u}",
               lc_self->id, cond->id, mutex->id, other->id, other->argument_of_wait->id);
}

static void ended(void)
{
    const struct lc_held_locks *held = lc_held_by(lc_self);
    for (uint32_t i = 0; i < held->count; i++) {
        struct lc_object *o = held->locks[i].lock;
        if (o->robust)
            continue;
        if (held->locks[i].frames)
            lc_show_stack(lc_self->id, held->locks[i].stack, held->locks[i].frames, "{t%u} took {o%u}",
                          lc_self->id, o->id);
        REPORT(ENDED_WITH_LOCK, o, "{t%u} ends while it holds {o%u}", lc_self->id, o->id);
    }
}

static void event(unsigned op, struct lc_object *object, int64_t argument)
{
    struct lc_object *lock;
    switch (op) {
    case LC_OP_UNLOCK:
        if (lc_lock_event(op, object, &lock) == LC_LOCK_GIVEN)
            given(lock);
        break;
    case LC_OP_DESTROY:
        if (argument == EINVAL)
            REPORT(USED_DESTROYED, object, "{t%u} uses {o%u}, which was destroyed", lc_self->id, object->id);
        else
            destroyed(object);
        break;
    case LC_OP_WAIT:
    case LC_OP_TIMEDWAIT:
        if (object && object->kind == LC_KIND_COND)
            waits(object, lc_self->object2);
        break;
    case LC_OP_THREAD_EXIT:
        ended();
        break;
    default:
        break;
    }
}

const struct lc_detector lc_detector_lock_misuse = {
    .name = "lock-misuse",
    .serves = LC_DETECT_LOCK_MISUSE,
    .ops = LC_BIT(LC_OP_UNLOCK) | LC_BIT(LC_OP_DESTROY) | LC_BIT(LC_OP_WAIT) | LC_BIT(LC_OP_TIMEDWAIT) |
           LC_BIT(LC_OP_THREAD_EXIT),
    .event = event,
};
