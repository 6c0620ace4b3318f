/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: condition variables. As with the C library's, a wait may end without a signal: check the condition.
 */
#ifndef DDEKIT_CONDVAR_H
#define DDEKIT_CONDVAR_H

#include <ddekit/lock.h>

typedef struct ddekit_condvar ddekit_condvar_t;

/* Creates a condition variable, freed by ddekit_condvar_deinit() when nobody waits on it. */
ddekit_condvar_t *ddekit_condvar_init(void);
void ddekit_condvar_deinit(ddekit_condvar_t *cvp);

/* Releases the lock, which the caller holds, waits, and takes it again. */
void ddekit_condvar_wait(ddekit_condvar_t *cvp, ddekit_lock_t *mp);

/* The same for at most timo milliseconds; 0 and less mean not to wait (the lock is kept).
 * Returns 0 when woken, nonzero when the time was over. The lock is held in either case. */
int ddekit_condvar_wait_timed(ddekit_condvar_t *cvp, ddekit_lock_t *mp, int timo);

void ddekit_condvar_signal(ddekit_condvar_t *cvp);
void ddekit_condvar_broadcast(ddekit_condvar_t *cvp);

#endif
