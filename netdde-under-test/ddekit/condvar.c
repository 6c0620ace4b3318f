/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit condition variables on pthread's, timed by the monotonic clock.
 */
#include <pthread.h>
#include <stdlib.h>
#include <ddekit/condvar.h>
#include <ddekit/panic.h>
#include "deadline.h"
#include "lock_record.h"

struct ddekit_condvar {
    pthread_cond_t cond;
};

ddekit_condvar_t *ddekit_condvar_init(void)
{
    ddekit_condvar_t *cvp = malloc(sizeof *cvp);
    pthread_condattr_t attributes;

    if (!cvp)
        ddekit_panic("no memory for a condition variable");
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cvp->cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return cvp;
}

void ddekit_condvar_deinit(ddekit_condvar_t *cvp)
{
    pthread_cond_destroy(&cvp->cond);
    free(cvp);
}

void ddekit_condvar_wait(ddekit_condvar_t *cvp, ddekit_lock_t *mp)
{
    lock_set_owner(*mp, NULL);
    pthread_cond_wait(&cvp->cond, &(*mp)->mutex);
    lock_set_owner(*mp, ddekit_thread_myself());
}

int ddekit_condvar_wait_timed(ddekit_condvar_t *cvp, ddekit_lock_t *mp, int timo)
{
    struct timespec deadline;
    int error;

    if (timo <= 0)
        return -1;
    deadline = deadline_after(CLOCK_MONOTONIC, timo);
    lock_set_owner(*mp, NULL);
    error = pthread_cond_timedwait(&cvp->cond, &(*mp)->mutex, &deadline);
    lock_set_owner(*mp, ddekit_thread_myself());
    return error ? -1 : 0;
}

void ddekit_condvar_signal(ddekit_condvar_t *cvp)
{
    pthread_cond_signal(&cvp->cond);
}

void ddekit_condvar_broadcast(ddekit_condvar_t *cvp)
{
    pthread_cond_broadcast(&cvp->cond);
}
