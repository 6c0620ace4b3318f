/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that a DDEKit and its users give to objects, handed on to lockcheck.
 */
#include <lockcheck.h>
#include <ddekit/debug.h>
#include "wrap.h"

void WRAP(ddekit_sem_set_name)(ddekit_sem_t *sem, const char *name);
void WRAP(ddekit_lock_set_name)(ddekit_lock_t *mtx, const char *name);
void WRAP(ddekit_condvar_set_name)(ddekit_condvar_t *cvp, const char *name);

void WRAP(ddekit_sem_set_name)(ddekit_sem_t *sem, const char *name)
{
    lockcheck_name_object(sem, "semaphore", name);
}

void WRAP(ddekit_lock_set_name)(ddekit_lock_t *mtx, const char *name)
{
    lockcheck_name_object(*mtx, "mutex", name);
}

void WRAP(ddekit_condvar_set_name)(ddekit_condvar_t *cvp, const char *name)
{
    lockcheck_name_object(cvp, "cond", name);
}
