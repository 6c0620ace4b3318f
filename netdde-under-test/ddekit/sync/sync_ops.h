/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a generation of semaphores provides. semaphore.c puts the DDEKit interface in front of it.
 */
#ifndef DDEKIT_SYNC_OPS_H
#define DDEKIT_SYNC_OPS_H

#include <stdbool.h>
#include <ddekit/semaphore.h>

struct sync_ops {
    const char *name;
    ddekit_sem_t *(*create)(int value);
    void (*destroy)(ddekit_sem_t *sem);
    void (*up)(ddekit_sem_t *sem);
    void (*down)(ddekit_sem_t *sem);

    /* Return whether they took one. The time-out is in milliseconds, at least 1. */
    bool (*down_try)(ddekit_sem_t *sem);
    bool (*down_timed)(ddekit_sem_t *sem, int milliseconds);
};

/* Each generation's semaphore begins with this. */
struct ddekit_sem {
    const struct sync_ops *ops;
};

extern const struct sync_ops sync_legacy;
extern const struct sync_ops sync_drain;
extern const struct sync_ops sync_posix;

#endif
