/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A barrier that knows no generations: a fast thread comes back for the second round before a slow one has
 * seen that the first is over, and the slow one waits for ever.
 *
 * Class: barrier reuse
 * Finding: hang lost-wakeup
 * Sizes: 2 3
 * Correct: who waits, waits for the generation to change.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 16, ROUNDS = 2 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_came = PTHREAD_COND_INITIALIZER;
static int size, came, generation;

static void barrier(void)
{
    pthread_mutex_lock(&mutex);
    if (++came == size) {
        came = 0;
        generation++;
        pthread_cond_broadcast(&all_came);
    } else {
        int mine = generation;
        while (CORRECT ? generation == mine : came != 0)
            pthread_cond_wait(&all_came, &mutex);
    }
    pthread_mutex_unlock(&mutex);
}

static void *worker(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++)
        barrier();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST];
    size = argc > 1 ? atoi(argv[1]) : 2;
    for (int i = 0; i < size; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < size; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
