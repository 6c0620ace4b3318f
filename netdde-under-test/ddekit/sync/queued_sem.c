/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A semaphore with a list of waiting threads that are woken by message: see queued_sem.h.
 *
 * An up that finds a waiter hands its token to that waiter: it takes it out of the list under the spin lock,
 * and sends the message after dropping the lock, since a send may block. Between the two the waiter is in no
 * list and has no message yet; a timed wait that ends just then is what sync/legacy.c gets wrong and
 * sync/drain.c right.
 *
 * After the spin lock is dropped an up does not touch the semaphore, because its waiter may have freed it.
 */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <ddekit/panic.h>
#include "queued_sem.h"

ddekit_sem_t *queued_sem_create(const struct sync_ops *ops, int value)
{
    struct queued_sem *sem = malloc(sizeof *sem);

    if (!sem)
        ddekit_panic("no memory for a semaphore");
    sem->base.ops = ops;
    pthread_spin_init(&sem->lock, PTHREAD_PROCESS_PRIVATE);
    sem->value = value;
    waiter_list_init(&sem->waiters);
    return &sem->base;
}

void queued_sem_destroy(ddekit_sem_t *base)
{
    struct queued_sem *sem = (struct queued_sem *)base;

    pthread_spin_destroy(&sem->lock);
    free(sem);
}

void queued_sem_up(ddekit_sem_t *base)
{
    struct queued_sem *sem = (struct queued_sem *)base;
    mach_port_t wakeup_port;
    struct waiter *waiter;

    pthread_spin_lock(&sem->lock);
    waiter = waiter_first(&sem->waiters);
    if (!waiter) {
        assert(sem->value < INT_MAX);
        sem->value++;
        pthread_spin_unlock(&sem->lock);
        return;
    }
    waiter_unlink(waiter);
    wakeup_port = waiter->wakeup_port;
    pthread_spin_unlock(&sem->lock);

    waiter_wakeup(wakeup_port);
}

struct waiter *queued_sem_take_or_link(struct queued_sem *sem)
{
    struct waiter *self = waiter_self();

    pthread_spin_lock(&sem->lock);
    if (sem->value > 0) {
        sem->value--;
        self = NULL;
    } else {
        waiter_link_last(&sem->waiters, self);
    }
    pthread_spin_unlock(&sem->lock);
    return self;
}

bool queued_sem_unlink(struct queued_sem *sem, struct waiter *self)
{
    bool linked;

    pthread_spin_lock(&sem->lock);
    linked = self->linked;
    if (linked)
        waiter_unlink(self);
    pthread_spin_unlock(&sem->lock);
    return linked;
}

void queued_sem_down(ddekit_sem_t *base)
{
    struct waiter *self = queued_sem_take_or_link((struct queued_sem *)base);

    if (self)
        waiter_block(self);
}

bool queued_sem_down_try(ddekit_sem_t *base)
{
    struct queued_sem *sem = (struct queued_sem *)base;
    bool taken;

    pthread_spin_lock(&sem->lock);
    taken = sem->value > 0;
    if (taken)
        sem->value--;
    pthread_spin_unlock(&sem->lock);
    return taken;
}
