/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX semaphores and pthread_once(). A semaphore that was not made under our eyes (sem_open(), or before
 * the program was controlled) starts from the value that the C library sees in it.
 */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>
#include <stdlib.h>

#include "lockcheck/runtime/interpose.h"

#define ONCE_DONE 2 /* what the C library leaves in a pthread_once_t whose routine has run */

static struct lc_object *sem_object(sem_t *s)
{
    struct lc_object *o = lc_object_find(s);
    if (likely(o && o->kind == LC_KIND_SEMAPHORE))
        return o;
    int value = 0;
    LC_REAL(sem_getvalue)(s, &value);
    o = lc_object_at(s, LC_KIND_SEMAPHORE);
    o->value = value;
    return o;
}

static int fail(int error)
{
    errno = error;
    return -1;
}

LC_EXPORT int sem_init(sem_t *s, int shared, unsigned value)
{
    int result = LC_REAL(sem_init)(s, shared, value);
    if (result || !lc_controlled())
        return result;
    lc_object_new(s, LC_KIND_SEMAPHORE)->value = value;
    return 0;
}

LC_EXPORT int sem_destroy(sem_t *s)
{
    struct lc_object *o = lc_controlled() ? lc_object_find(s) : NULL;
    if (o) {
        lc_emit(LC_OP_DESTROY, o, 0);
        lc_object_forget(o);
    }
    return LC_REAL(sem_destroy)(s);
}

LC_EXPORT int sem_close(sem_t *s)
{
    struct lc_object *o = lc_controlled() ? lc_object_find(s) : NULL;
    if (o)
        lc_object_forget(o);
    return LC_REAL(sem_close)(s);
}

static int wait_for_token(sem_t *s, int64_t deadline_ns)
{
    struct lc_object *o = sem_object(s);
    lc_test_cancel();
    lc_self->cancellable = true;
    bool taken = lc_acquire(LC_OP_SEM_WAIT, o, deadline_ns);
    lc_self->cancellable = false;
    if (!taken) {
        lc_test_cancel();
        return fail(ETIMEDOUT);
    }
    o->value--;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_wait(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_wait)(s);
    return wait_for_token(s, LC_NEVER);
}

LC_EXPORT int sem_clockwait(sem_t *s, clockid_t clock, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(sem_clockwait)(s, clock, until);
    if (!lc_timespec_valid(until))
        return fail(EINVAL);
    return wait_for_token(s, lc_deadline(clock, until));
}

LC_EXPORT int sem_timedwait(sem_t *s, const struct timespec *until)
{
    if (!lc_controlled())
        return LC_REAL(sem_timedwait)(s, until);
    return sem_clockwait(s, CLOCK_REALTIME, until);
}

LC_EXPORT int sem_trywait(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_trywait)(s);
    struct lc_object *o = sem_object(s);
    lc_point(LC_OP_SEM_TRYWAIT, o);
    if (o->value == 0) {
        lc_emit(LC_OP_BUSY, o, 0);
        return fail(EAGAIN);
    }
    o->value--;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_post(sem_t *s)
{
    if (!lc_controlled())
        return LC_REAL(sem_post)(s);
    struct lc_object *o = sem_object(s);
    lc_point(LC_OP_SEM_POST, o);
    if (o->value == SEM_VALUE_MAX)
        return fail(EOVERFLOW);
    o->value++;
    lc_availability_changed(o);
    return 0;
}

LC_EXPORT int sem_getvalue(sem_t *s, int *value)
{
    if (!lc_controlled())
        return LC_REAL(sem_getvalue)(s, value);
    *value = (int)sem_object(s)->value;
    return 0;
}

/* ---- once ---- */

struct once_call {
    struct lc_object *object;
    pthread_once_t *control;
    bool done;
};

/* Also runs when the routine throws or its thread is cancelled: then the next caller tries again. */
static void once_ends(struct once_call *call)
{
    call->object->owner = NULL;
    if (call->done)
        __atomic_store_n(call->control, ONCE_DONE, __ATOMIC_RELEASE);
    lc_availability_changed(call->object);
}

LC_EXPORT int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    if (!lc_controlled())
        return LC_REAL(pthread_once)(control, routine);
    if (__atomic_load_n(control, __ATOMIC_ACQUIRE) & ONCE_DONE)
        return 0;
    struct lc_object *o = lc_object_at(control, LC_KIND_ONCE);
    lc_acquire(LC_OP_ONCE, o, LC_NEVER);
    if (*control & ONCE_DONE)
        return 0;
    o->owner = lc_self;
    lc_availability_changed(o);
    __attribute__((cleanup(once_ends))) struct once_call call = {.object = o, .control = control};
    routine();
    call.done = true;
    return 0;
}
