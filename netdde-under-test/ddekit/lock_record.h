/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of a lock; private to DDEKit (condition variables need it).
 */
#ifndef DDEKIT_LOCK_RECORD_H
#define DDEKIT_LOCK_RECORD_H

#include <pthread.h>
#include <stdatomic.h>
#include <ddekit/thread.h>

struct ddekit_lock {
    pthread_mutex_t mutex;            /* first, so that the lock has the mutex's address */
    _Atomic(ddekit_thread_t *) owner; /* set after the lock, cleared before the unlock */
};

static inline void lock_set_owner(struct ddekit_lock *lock, ddekit_thread_t *owner)
{
    atomic_store_explicit(&lock->owner, owner, memory_order_relaxed);
}

#endif
