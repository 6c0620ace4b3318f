/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handler comes after the lock was held with interrupts enabled.
 *
 * Finding: irq-unsafe
 * Correct: they were disabled.
 */
#include "detectors/threads.h"
#include <lockcheck.h>

static pthread_spinlock_t lock;

static void interrupt(void)
{
    lockcheck_event(LOCKCHECK_IRQ_ENTER, NULL, 11);
    pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
    lockcheck_event(LOCKCHECK_IRQ_EXIT, NULL, 11);
}

static void process(void)
{
    if (CORRECT)
        lockcheck_event(LOCKCHECK_IRQ_DISABLE, NULL, 0);
    pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
    if (CORRECT)
        lockcheck_event(LOCKCHECK_IRQ_ENABLE, NULL, 0);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(process, interrupt);
    pthread_spin_destroy(&lock);
    return 0;
}
