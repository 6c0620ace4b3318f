/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: locks. A lock is a mutex that knows its owner; it is not recursive, and only its owner may release
 * it.
 *
 * The owner is cleared before the unlock and set after the lock, so that it names a thread only while this
 * thread holds the lock. Somebody else's answer is a snapshot.
 */
#ifndef DDEKIT_LOCK_H
#define DDEKIT_LOCK_H

struct ddekit_lock;
struct ddekit_thread;
typedef struct ddekit_lock *ddekit_lock_t;

/* Creates a lock in *mtx: free, or held by the caller. Free it with ddekit_lock_deinit(). */
void ddekit_lock_init_unlocked(ddekit_lock_t *mtx);
void ddekit_lock_init_locked(ddekit_lock_t *mtx);
#define ddekit_lock_init ddekit_lock_init_unlocked

/* Frees a lock that nobody holds or waits for; *mtx becomes NULL. */
void ddekit_lock_deinit(ddekit_lock_t *mtx);

void ddekit_lock_lock(ddekit_lock_t *mtx);

/* Returns 0 when the lock was free and is now the caller's, nonzero otherwise; never waits. */
int ddekit_lock_try_lock(ddekit_lock_t *mtx);

void ddekit_lock_unlock(ddekit_lock_t *mtx);

/* The thread that holds the lock, NULL when none does. */
struct ddekit_thread *ddekit_lock_owner(ddekit_lock_t *mtx);

#endif
