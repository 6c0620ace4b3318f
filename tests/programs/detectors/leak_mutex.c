/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mutexes on the heap are not destroyed.
 *
 * Finding: leak
 * Correct: they are. The one in static memory need not be.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

static pthread_mutex_t global;

int main(void)
{
    pthread_mutex_init(&global, NULL);
    for (int i = 0; i < 3; i++) {
        pthread_mutex_t *mutex = malloc(sizeof *mutex);
        pthread_mutex_init(mutex, NULL);
        pthread_mutex_lock(mutex);
        pthread_mutex_unlock(mutex);
        if (CORRECT) {
            pthread_mutex_destroy(mutex);
            free(mutex);
        }
    }
    return 0;
}
