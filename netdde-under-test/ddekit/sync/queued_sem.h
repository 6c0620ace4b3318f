/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A semaphore with a list of waiting threads that are woken by message: what legacy and drain share, which is
 * everything but the end of a timed wait.
 */
#ifndef DDEKIT_SYNC_QUEUED_SEM_H
#define DDEKIT_SYNC_QUEUED_SEM_H

#include <pthread.h>
#include <stdbool.h>
#include "sync_ops.h"
#include "waiter.h"

struct queued_sem {
    struct ddekit_sem base;
    pthread_spinlock_t lock;
    int value;             /* lock; above 0 only while nobody waits */
    struct waiter waiters; /* lock; head of the list */
};

ddekit_sem_t *queued_sem_create(const struct sync_ops *ops, int value);
void queued_sem_destroy(ddekit_sem_t *sem);
void queued_sem_up(ddekit_sem_t *sem);
void queued_sem_down(ddekit_sem_t *sem);
bool queued_sem_down_try(ddekit_sem_t *sem);

/* The beginning of a down: takes one, or makes the caller wait. Returns NULL when it took one, else the
 * caller, which is in the list now. */
struct waiter *queued_sem_take_or_link(struct queued_sem *sem);

/* The end of a wait without success: takes the caller out of the list. Returns false when an up has done that
 * before, so that its message is queued or on its way. */
bool queued_sem_unlink(struct queued_sem *sem, struct waiter *self);

#endif
