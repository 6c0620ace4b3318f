/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one variable.
 *
 * Finding: data-race
 * Correct: under a spin lock.
 */
#include "detectors/threads.h"

static pthread_spinlock_t lock;
static int count;

static void increment(void)
{
    if (CORRECT)
        pthread_spin_lock(&lock);
    count++;
    if (CORRECT)
        pthread_spin_unlock(&lock);
}

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    together(increment, increment);
    return 0;
}
