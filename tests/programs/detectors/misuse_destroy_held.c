/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mutex is destroyed while it is held.
 *
 * Finding: lock-misuse
 * Correct: after it was unlocked.
 */
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
    pthread_mutex_lock(&mutex);
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);
    return 0;
}
