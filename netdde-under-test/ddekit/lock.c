/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit locks on pthread mutexes.
 */
#include <stdlib.h>
#include <ddekit/lock.h>
#include <ddekit/panic.h>
#include "lock_record.h"

void ddekit_lock_init_unlocked(ddekit_lock_t *mtx)
{
    struct ddekit_lock *lock = malloc(sizeof *lock);

    if (!lock)
        ddekit_panic("no memory for a lock");
    pthread_mutex_init(&lock->mutex, NULL);
    atomic_init(&lock->owner, NULL);
    *mtx = lock;
}

void ddekit_lock_init_locked(ddekit_lock_t *mtx)
{
    ddekit_lock_init_unlocked(mtx);
    ddekit_lock_lock(mtx);
}

void ddekit_lock_deinit(ddekit_lock_t *mtx)
{
    pthread_mutex_destroy(&(*mtx)->mutex);
    free(*mtx);
    *mtx = NULL;
}

void ddekit_lock_lock(ddekit_lock_t *mtx)
{
    pthread_mutex_lock(&(*mtx)->mutex);
    lock_set_owner(*mtx, ddekit_thread_myself());
}

int ddekit_lock_try_lock(ddekit_lock_t *mtx)
{
    if (pthread_mutex_trylock(&(*mtx)->mutex))
        return -1;
    lock_set_owner(*mtx, ddekit_thread_myself());
    return 0;
}

void ddekit_lock_unlock(ddekit_lock_t *mtx)
{
    lock_set_owner(*mtx, NULL);
    pthread_mutex_unlock(&(*mtx)->mutex);
}

struct ddekit_thread *ddekit_lock_owner(ddekit_lock_t *mtx)
{
    return atomic_load_explicit(&(*mtx)->owner, memory_order_relaxed);
}
