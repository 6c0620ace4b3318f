/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mutex is unlocked twice.
 *
 * Finding: lock-misuse
 * Correct: once.
 */
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    if (!CORRECT)
        pthread_mutex_unlock(&mutex);
    return 0;
}
