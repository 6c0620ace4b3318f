/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A down of a semaphore of the program's own, which it tells of, while a spin lock is held.
 *
 * Finding: sleep-in-atomic
 * Correct: it only tries.
 */
#include "detectors/threads.h"
#include <lockcheck.h>

static pthread_spinlock_t lock;
static int semaphore;

static void work(void)
{
    pthread_spin_lock(&lock);
    lockcheck_event(LOCKCHECK_SEM_DOWN_BEGIN, &semaphore, CORRECT ? 0 : -1);
    lockcheck_event(LOCKCHECK_SEM_DOWN_END, &semaphore, 0);
    pthread_spin_unlock(&lock);
}

int main(void)
{
    lockcheck_event(LOCKCHECK_SEM_INIT, &semaphore, 2);
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(work, work);
    pthread_spin_destroy(&lock);
    return 0;
}
