/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A mutex is used after it was destroyed.
 *
 * Finding: lock-misuse
 * Correct: it is initialised again in between.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_destroy(&mutex);
    if (CORRECT)
        pthread_mutex_init(&mutex, NULL);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}
