/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Behind a barrier one thread, the leader, reads the sum and clears it for the next round, which the others
 * have begun already.
 *
 * Class: barrier reuse
 * Finding: assertion
 * Correct: a second barrier behind the leader's work.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { THREADS = 2, ROUNDS = 2 };

static pthread_barrier_t barrier;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int sum;

static void *worker(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        sum++;
        pthread_mutex_unlock(&mutex);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
            pthread_mutex_lock(&mutex);
            assert(sum == THREADS);
            sum = 0;
            pthread_mutex_unlock(&mutex);
        }
        if (CORRECT)
            pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
