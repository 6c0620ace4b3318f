/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread says that it may have to sleep while it holds a spin lock. It never does.
 *
 * Finding: sleep-in-atomic
 * Correct: when it has given the lock up.
 */
#include <lockcheck.h>

#include "detectors/threads.h"

static pthread_spinlock_t lock;

static void work(void)
{
    pthread_spin_lock(&lock);
    if (CORRECT)
        pthread_spin_unlock(&lock);
    lockcheck_event(LOCKCHECK_MIGHT_SLEEP, NULL, 0);
    if (!CORRECT)
        pthread_spin_unlock(&lock);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(work, work);
    pthread_spin_destroy(&lock);
    return 0;
}
