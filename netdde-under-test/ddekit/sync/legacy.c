/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The semaphore of 2009 to 2013, with its defect sem-stale-wakeup.
 *
 * A timed wait that ends takes the thread out of the semaphore's list, if it is there, and reports a
 * time-out. It is not there when an up has chosen this thread a moment before. Then the token of that up is
 * lost, and its message stays in the thread's port, where it ends the thread's next wait, for any semaphore,
 * at once and with the thread still in that semaphore's list.
 */
#include "queued_sem.h"

static ddekit_sem_t *legacy_create(int value)
{
    return queued_sem_create(&sync_legacy, value);
}

static bool legacy_down_timed(ddekit_sem_t *base, int milliseconds)
{
    struct queued_sem *sem = (struct queued_sem *)base;
    struct waiter *self = queued_sem_take_or_link(sem);

    if (!self || waiter_block_timed(self, milliseconds))
        return true;
    queued_sem_unlink(sem, self);
    return false;
}

const struct sync_ops sync_legacy = {
    .name = "legacy",
    .create = legacy_create,
    .destroy = queued_sem_destroy,
    .up = queued_sem_up,
    .down = queued_sem_down,
    .down_try = queued_sem_down_try,
    .down_timed = legacy_down_timed,
};
