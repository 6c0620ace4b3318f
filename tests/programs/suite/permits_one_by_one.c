/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As many permits as threads, and each thread needs two: when each has taken one, nobody gets a second.
 *
 * Class: semaphore misuse
 * Finding: hang lost-wakeup
 * Sizes: 2 4
 * Correct: one thread at a time takes its two.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 16 };

static sem_t permits;
static pthread_mutex_t taking = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_lock(&taking);
    sem_wait(&permits);
    sem_wait(&permits);
    if (CORRECT)
        pthread_mutex_unlock(&taking);
    sem_post(&permits);
    sem_post(&permits);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 2;
    pthread_t threads[MOST];
    sem_init(&permits, 0, (unsigned)count);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
