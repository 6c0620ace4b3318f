/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spin lock that nobody holds is unlocked.
 *
 * Finding: lock-misuse
 * Correct: it is taken first.
 */
#include <pthread.h>

static pthread_spinlock_t lock;

int main(void)
{
    pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
    if (CORRECT)
        pthread_spin_lock(&lock);
    pthread_spin_unlock(&lock);
    pthread_spin_destroy(&lock);
    return 0;
}
