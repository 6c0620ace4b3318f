/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Today's semaphore: POSIX sem_t. Timed waits are on the absolute realtime clock, and a wait that a signal
 * interrupts is begun again (with the same end).
 */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <ddekit/assert.h>
#include "../deadline.h"
#include "sync_ops.h"

struct posix_sem {
    struct ddekit_sem base;
    sem_t sem;
};

static ddekit_sem_t *posix_create(int value)
{
    struct posix_sem *sem = malloc(sizeof *sem);

    if (!sem)
        ddekit_panic("no memory for a semaphore");
    sem->base.ops = &sync_posix;
    if (sem_init(&sem->sem, 0, value))
        ddekit_panic("sem_init: a semaphore cannot begin with %d", value);
    return &sem->base;
}

static void posix_destroy(ddekit_sem_t *base)
{
    struct posix_sem *sem = (struct posix_sem *)base;

    sem_destroy(&sem->sem);
    free(sem);
}

static void posix_up(ddekit_sem_t *base)
{
    int error = sem_post(&((struct posix_sem *)base)->sem);

    ddekit_assert(!error);
}

static void posix_down(ddekit_sem_t *base)
{
    while (sem_wait(&((struct posix_sem *)base)->sem))
        ddekit_assert(errno == EINTR);
}

static bool posix_down_try(ddekit_sem_t *base)
{
    while (sem_trywait(&((struct posix_sem *)base)->sem)) {
        if (errno == EAGAIN)
            return false;
        ddekit_assert(errno == EINTR);
    }
    return true;
}

static bool posix_down_timed(ddekit_sem_t *base, int milliseconds)
{
    struct timespec deadline = deadline_after(CLOCK_REALTIME, milliseconds);

    while (sem_timedwait(&((struct posix_sem *)base)->sem, &deadline)) {
        if (errno == ETIMEDOUT)
            return false;
        ddekit_assert(errno == EINTR);
    }
    return true;
}

const struct sync_ops sync_posix = {
    .name = "posix",
    .create = posix_create,
    .destroy = posix_destroy,
    .up = posix_up,
    .down = posix_down,
    .down_try = posix_down_try,
    .down_timed = posix_down_timed,
};
