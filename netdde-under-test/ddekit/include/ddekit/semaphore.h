/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: counting semaphores. Their generation is chosen once, see ddekit/sync.h.
 */
#ifndef DDEKIT_SEMAPHORE_H
#define DDEKIT_SEMAPHORE_H

typedef struct ddekit_sem ddekit_sem_t;

/* Creates a semaphore; value, at least 0, is the number of downs that succeed before anybody's up.
 * Freed by ddekit_sem_deinit(). Panics when there is no memory. */
ddekit_sem_t *ddekit_sem_init(int value);

/* Frees a semaphore that nobody waits for. A thread whose down has returned may do so even if the up that
 * paid for it has not returned yet. */
void ddekit_sem_deinit(ddekit_sem_t *sem);

/* Takes one, waiting as long as necessary. */
void ddekit_sem_down(ddekit_sem_t *sem);

/* Takes one if there is one. Returns 0 when it did, nonzero otherwise. */
int ddekit_sem_down_try(ddekit_sem_t *sem);

/* Takes one, waiting at most timo milliseconds; 0 and less mean not to wait at all, and never for ever.
 * Returns 0 when it took one, nonzero when the time was over. */
int ddekit_sem_down_timed(ddekit_sem_t *sem, int timo);

/* Gives one: the thread that has waited longest gets it (legacy, drain), or any (posix). */
void ddekit_sem_up(ddekit_sem_t *sem);

#endif
