/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A barrier lets a round go when all have come, and names exactly one serial thread in each round. */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { THREADS = 3, ROUNDS = 3 };

static pthread_barrier_t barrier;
static atomic_int arrived[ROUNDS], serial[ROUNDS];

static void *worker(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        arrived[i]++;
        int result = pthread_barrier_wait(&barrier);
        assert(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        serial[i] += result == PTHREAD_BARRIER_SERIAL_THREAD;
        assert(arrived[i] == THREADS);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    assert(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        assert(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < ROUNDS; i++)
        assert(serial[i] == 1);
    assert(pthread_barrier_destroy(&barrier) == 0);
    return 0;
}
