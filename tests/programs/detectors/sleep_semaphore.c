/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread waits for a semaphore while it holds a spin lock. The semaphore happens to have tokens enough.
 *
 * Finding: sleep-in-atomic
 * Correct: when it has given the lock up.
 */
#include "detectors/threads.h"
#include <semaphore.h>

static pthread_spinlock_t lock;
static sem_t tokens;

static void work(void)
{
    pthread_spin_lock(&lock);
    if (CORRECT)
        pthread_spin_unlock(&lock);
    sem_wait(&tokens);
    if (!CORRECT)
        pthread_spin_unlock(&lock);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    sem_init(&tokens, 0, 2);
    together(work, work);
    pthread_spin_destroy(&lock);
    return 0;
}
