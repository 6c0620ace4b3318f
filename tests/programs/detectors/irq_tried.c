/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handler waits for a lock that is held with interrupts enabled.
 *
 * Finding: irq-unsafe
 * Correct: it only tries.
 */
#include "detectors/threads.h"
#include <lockcheck.h>

static pthread_spinlock_t lock;

static void interrupt(void)
{
    lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, 11);
    if ((CORRECT ? pthread_spin_trylock(&lock) : pthread_spin_lock(&lock)) == 0)
        pthread_spin_unlock(&lock);
    lockcheck_event(LOCKCHECK_IRQ_EXIT, NULL, 11);
}

static void process(void)
{
    pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(interrupt, process);
    pthread_spin_destroy(&lock);
    return 0;
}
