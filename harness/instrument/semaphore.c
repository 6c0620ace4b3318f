/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Semaphores as lockcheck sees them: each call of the DDEKit interface is announced when it begins and when
 * it ends. What happens in between is the business of the DDEKit under test and is not known here.
 */
#include <lockcheck.h>
#include <ddekit/semaphore.h>
#include "wrap.h"

#define FOR_EVER (-1)
#define TOOK_ONE 0
#define TOOK_NONE 1

ddekit_sem_t *WRAP(ddekit_sem_init)(int value);
ddekit_sem_t *REAL(ddekit_sem_init)(int value);
void WRAP(ddekit_sem_deinit)(ddekit_sem_t *sem);
void REAL(ddekit_sem_deinit)(ddekit_sem_t *sem);
void WRAP(ddekit_sem_up)(ddekit_sem_t *sem);
void REAL(ddekit_sem_up)(ddekit_sem_t *sem);
void WRAP(ddekit_sem_down)(ddekit_sem_t *sem);
void REAL(ddekit_sem_down)(ddekit_sem_t *sem);
int WRAP(ddekit_sem_down_try)(ddekit_sem_t *sem);
int REAL(ddekit_sem_down_try)(ddekit_sem_t *sem);
int WRAP(ddekit_sem_down_timed)(ddekit_sem_t *sem, int timo);
int REAL(ddekit_sem_down_timed)(ddekit_sem_t *sem, int timo);

ddekit_sem_t *WRAP(ddekit_sem_init)(int value)
{
    ddekit_sem_t *sem = REAL(ddekit_sem_init)(value);

    if (sem)
        lockcheck_event(LOCKCHECK_SEM_INIT, sem, value);
    return sem;
}

void WRAP(ddekit_sem_deinit)(ddekit_sem_t *sem)
{
    /* Before: afterwards the address may be another semaphore's. */
    lockcheck_event(LOCKCHECK_SEM_DESTROY, sem, 0);
    REAL(ddekit_sem_deinit)(sem);
}

void WRAP(ddekit_sem_up)(ddekit_sem_t *sem)
{
    lockcheck_event(LOCKCHECK_SEM_UP_BEGIN, sem, 0);
    REAL(ddekit_sem_up)(sem);
    lockcheck_event(LOCKCHECK_SEM_UP_END, sem, 0);
}

void WRAP(ddekit_sem_down)(ddekit_sem_t *sem)
{
    lockcheck_event(LOCKCHECK_SEM_DOWN_BEGIN, sem, FOR_EVER);
    REAL(ddekit_sem_down)(sem);
    lockcheck_event(LOCKCHECK_SEM_DOWN_END, sem, TOOK_ONE);
}

int WRAP(ddekit_sem_down_try)(ddekit_sem_t *sem)
{
    int result;

    lockcheck_event(LOCKCHECK_SEM_DOWN_BEGIN, sem, 0);
    result = REAL(ddekit_sem_down_try)(sem);
    lockcheck_event(LOCKCHECK_SEM_DOWN_END, sem, result ? TOOK_NONE : TOOK_ONE);
    return result;
}

int WRAP(ddekit_sem_down_timed)(ddekit_sem_t *sem, int timo)
{
    int result;

    lockcheck_event(LOCKCHECK_SEM_DOWN_BEGIN, sem, timo > 0 ? timo : 0);
    result = REAL(ddekit_sem_down_timed)(sem, timo);
    lockcheck_event(LOCKCHECK_SEM_DOWN_END, sem, result ? TOOK_NONE : TOOK_ONE);
    return result;
}
