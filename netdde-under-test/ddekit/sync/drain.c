/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The semaphore of the Hurd's C library from 2012 on: as legacy, but a timed wait that ends looks whether an
 * up has already taken the thread out of the list.
 *
 * If so the up has handed over its token, and its message is queued or will be sent without further
 * condition. The wait therefore takes the message, which may mean to block a little longer, and has
 * succeeded. So a thread in no list has no message on its way, which is the invariant that legacy breaks.
 */
#include <assert.h>
#include "queued_sem.h"

static ddekit_sem_t *drain_create(int value)
{
    return queued_sem_create(&sync_drain, value);
}

static void drain_down(ddekit_sem_t *base)
{
    struct waiter *self = queued_sem_take_or_link((struct queued_sem *)base);

    if (!self)
        return;
    waiter_block(self);
    assert(!self->linked);
}

static bool drain_down_timed(ddekit_sem_t *base, int milliseconds)
{
    struct queued_sem *sem = (struct queued_sem *)base;
    struct waiter *self = queued_sem_take_or_link(sem);

    if (self && !waiter_block_timed(self, milliseconds)) {
        if (queued_sem_unlink(sem, self))
            return false;
        waiter_block(self);
    }
    assert(!self || !self->linked);
    return true;
}

const struct sync_ops sync_drain = {
    .name = "drain",
    .create = drain_create,
    .destroy = queued_sem_destroy,
    .up = queued_sem_up,
    .down = drain_down,
    .down_try = queued_sem_down_try,
    .down_timed = drain_down_timed,
};
