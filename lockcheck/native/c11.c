/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * C11 threads (ISO/IEC 9899:2011, 7.26). The C library's functions call its pthread ones without our hearing
 * of it, and its mtx_t and the like are its pthread types under other names.
 */
#include <errno.h>
#include <stdint.h>

#include "lockcheck/native/native.h"

static int result_of(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

/* An int (*)(void *) called as a void *(*)(void *): the result comes in the same register. */
LCN_EXPORT int thrd_create(thrd_t *out, thrd_start_t start, void *argument)
{
    union {
        thrd_start_t c11;
        void *(*posix)(void *);
    } routine = {.c11 = start};
    return result_of(lcn_create(out, NULL, routine.posix, argument, LCN_CALLER));
}

LCN_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *value;
    int error = lcn_join(thread, &value, LCN_CALLER);
    if (!error && result)
        *result = (int)(intptr_t)value;
    return result_of(error);
}

LCN_EXPORT int mtx_init(mtx_t *m, int type)
{
    lcn_place_made(m, LCN_KIND_MUTEX, LCN_CALLER);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int error = LCN_REAL(pthread_mutex_init)((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return result_of(error);
}

LCN_EXPORT int mtx_lock(mtx_t *m)
{
    return result_of(lcn_mutex_lock((pthread_mutex_t *)m, LCN_CALLER));
}

LCN_EXPORT int mtx_trylock(mtx_t *m)
{
    return result_of(lcn_mutex_trylock((pthread_mutex_t *)m, LCN_CALLER));
}

LCN_EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return result_of(lcn_mutex_timedlock((pthread_mutex_t *)m, until, LCN_CALLER));
}

LCN_EXPORT int mtx_unlock(mtx_t *m)
{
    return result_of(lcn_mutex_unlock((pthread_mutex_t *)m));
}

LCN_EXPORT int cnd_init(cnd_t *c)
{
    lcn_place_made(c, LCN_KIND_COND, LCN_CALLER);
    return result_of(LCN_REAL(pthread_cond_init)((pthread_cond_t *)c, NULL));
}

LCN_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result_of(lcn_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m, LCN_CALLER));
}

LCN_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return result_of(lcn_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until, LCN_CALLER));
}

LCN_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
    lcn_once((pthread_once_t *)flag, routine, LCN_CALLER);
}
