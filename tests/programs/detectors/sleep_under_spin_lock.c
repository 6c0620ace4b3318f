/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread sleeps while it holds a spin lock.
 *
 * Finding: sleep-in-atomic
 * Correct: when it has given it up.
 */
#include "detectors/threads.h"
#include <time.h>

static pthread_spinlock_t lock;

static void work(void)
{
    pthread_spin_lock(&lock);
    if (CORRECT)
        pthread_spin_unlock(&lock);
    nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
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
