/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: which generation of semaphores a system uses.
 *
 * legacy   2009 to 2013: one wake-up port per thread; a wait that times out forgets to look for a wake-up
 * that is already on its way (defect sem-stale-wakeup) drain    as legacy, with that repaired posix    sem_t
 * of the C library (the default)
 */
#ifndef DDEKIT_SYNC_H
#define DDEKIT_SYNC_H

/* Chooses the generation of every semaphore created from now on. Call before ddekit_init().
 * Returns 0, or -1 when there is no generation of that name (nothing changes). */
int ddekit_sync_select(const char *name);

/* The name of the generation in use. */
const char *ddekit_sync_name(void);

/* The names of all generations, ended by NULL. Static. */
const char *const *ddekit_sync_names(void);

#endif
