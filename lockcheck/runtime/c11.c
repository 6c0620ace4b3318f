/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * C11 threads (ISO/IEC 9899:2011, 7.26). The C library's mtx_t and the like are its pthread types under other
 * names, and its functions call the pthread ones without our hearing of it, so they are made anew from ours.
 */
#include <errno.h>
#include <stdint.h>
#include <threads.h>
#include <time.h>

#include "lockcheck/runtime/interpose.h"

static int thrd_result(int error)
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
LC_EXPORT int thrd_create(thrd_t *out, thrd_start_t start, void *argument)
{
    if (!lc_controlled())
        return LC_REAL(thrd_create)(out, start, argument);
    union {
        thrd_start_t c11;
        void *(*posix)(void *);
    } routine = {.c11 = start};
    return thrd_result(pthread_create(out, NULL, routine.posix, argument));
}

LC_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *value;
    int error = pthread_join(thread, &value);
    if (!error && result)
        *result = (int)(intptr_t)value;
    return thrd_result(error);
}

LC_EXPORT int thrd_detach(thrd_t thread)
{
    return thrd_result(pthread_detach(thread));
}

LC_EXPORT _Noreturn void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

LC_EXPORT void thrd_yield(void)
{
    sched_yield();
}

LC_EXPORT int thrd_sleep(const struct timespec *time, struct timespec *left)
{
    int error = clock_nanosleep(CLOCK_REALTIME, 0, time, left);
    return error == 0 ? 0 : error == EINTR ? -1 : -2;
}

LC_EXPORT int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    if (type & mtx_recursive)
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return thrd_result(error);
}

LC_EXPORT void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

LC_EXPORT int mtx_lock(mtx_t *m)
{
    return thrd_result(pthread_mutex_lock((pthread_mutex_t *)m));
}

LC_EXPORT int mtx_trylock(mtx_t *m)
{
    return thrd_result(pthread_mutex_trylock((pthread_mutex_t *)m));
}

LC_EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict until)
{
    return thrd_result(pthread_mutex_timedlock((pthread_mutex_t *)m, until));
}

LC_EXPORT int mtx_unlock(mtx_t *m)
{
    return thrd_result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

LC_EXPORT int cnd_init(cnd_t *c)
{
    return thrd_result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

LC_EXPORT void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy((pthread_cond_t *)c);
}

LC_EXPORT int cnd_signal(cnd_t *c)
{
    return thrd_result(pthread_cond_signal((pthread_cond_t *)c));
}

LC_EXPORT int cnd_broadcast(cnd_t *c)
{
    return thrd_result(pthread_cond_broadcast((pthread_cond_t *)c));
}

LC_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
    return thrd_result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

LC_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict until)
{
    return thrd_result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, until));
}

LC_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
    pthread_once((pthread_once_t *)flag, routine);
}

LC_EXPORT int tss_create(tss_t *key, tss_dtor_t destructor)
{
    return thrd_result(pthread_key_create(key, destructor));
}

LC_EXPORT void tss_delete(tss_t key)
{
    pthread_key_delete(key);
}
