/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interrupt handler waits for a semaphore.
 *
 * Finding: sleep-in-atomic
 * Correct: it only tries.
 */
#include "detectors/threads.h"
#include <lockcheck.h>
#include <semaphore.h>

static sem_t tokens;

static void interrupt(void)
{
    lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, 11);
    CORRECT ? sem_trywait(&tokens) : sem_wait(&tokens);
    lockcheck_event(LOCKCHECK_IRQ_EXIT, NULL, 11);
    sem_wait(&tokens);
}

int main(void)
{
    sem_init(&tokens, 0, 4);
    together(interrupt, interrupt);
    return 0;
}
