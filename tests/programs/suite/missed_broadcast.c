/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three workers report that they are ready and then wait for the start: the broadcast that starts them may
 * come between the two.
 *
 * Class: missed broadcast
 * Finding: hang lost-wakeup
 * Correct: a worker waits only while the start has not been given.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { WORKERS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_ready = PTHREAD_COND_INITIALIZER;
static pthread_cond_t start = PTHREAD_COND_INITIALIZER;
static int ready;
static bool started;

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_signal(&all_ready);
    pthread_mutex_unlock(&mutex);

    pthread_mutex_lock(&mutex);
    if (CORRECT) {
        while (!started)
            pthread_cond_wait(&start, &mutex);
    } else {
        pthread_cond_wait(&start, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    pthread_mutex_lock(&mutex);
    while (ready < WORKERS)
        pthread_cond_wait(&all_ready, &mutex);
    started = true;
    pthread_cond_broadcast(&start);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
