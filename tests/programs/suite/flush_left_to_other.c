/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who finds the flusher's lock taken leaves its item to the holder, but the holder may have emptied the queue
 * already and be about to go.
 *
 * Class: try-lock
 * Finding: assertion
 * Correct: who has flushed looks again after it has given the lock up.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t flusher = PTHREAD_MUTEX_INITIALIZER, queue = PTHREAD_MUTEX_INITIALIZER;
static int queued, flushed;

static bool queue_empty(void)
{
    pthread_mutex_lock(&queue);
    bool result = queued == 0;
    pthread_mutex_unlock(&queue);
    return result;
}

static void *writer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&queue);
    queued++;
    pthread_mutex_unlock(&queue);
    do {
        if (pthread_mutex_trylock(&flusher) != 0)
            return NULL;
        pthread_mutex_lock(&queue);
        flushed += queued;
        queued = 0;
        pthread_mutex_unlock(&queue);
        pthread_mutex_unlock(&flusher);
    } while (CORRECT && !queue_empty());
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, writer, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(flushed == 2);
    return 0;
}
