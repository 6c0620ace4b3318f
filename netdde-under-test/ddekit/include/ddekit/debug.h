/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: names of objects, for debuggers and reports.
 *
 * DDEKit itself does nothing with a name: these calls are where an observer may listen, by link-time
 * wrapping. Names are copied by whoever listens.
 */
#ifndef DDEKIT_DEBUG_H
#define DDEKIT_DEBUG_H

#include <ddekit/condvar.h>
#include <ddekit/lock.h>
#include <ddekit/semaphore.h>

void ddekit_sem_set_name(ddekit_sem_t *sem, const char *name);
void ddekit_lock_set_name(ddekit_lock_t *mtx, const char *name);
void ddekit_condvar_set_name(ddekit_condvar_t *cvp, const char *name);

#endif
