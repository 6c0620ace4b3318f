/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three threads take the locks of a ring of three, two each, all in the same direction.
 *
 * Finding: lock-order
 * Correct: the last takes its two in the other direction.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define THREADS 3

static pthread_mutex_t locks[THREADS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                         PTHREAD_MUTEX_INITIALIZER};

static void *take_two(void *number)
{
    uintptr_t first = (uintptr_t)number, second = (first + 1) % THREADS;
    if (CORRECT && second < first) {
        second = first;
        first = 0;
    }
    pthread_mutex_lock(&locks[first]);
    pthread_mutex_lock(&locks[second]);
    pthread_mutex_unlock(&locks[second]);
    pthread_mutex_unlock(&locks[first]);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_two, (void *)i);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
