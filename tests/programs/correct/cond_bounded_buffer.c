/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Producers and consumers around a buffer of two places: nothing is lost, doubled or reordered per producer.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { PRODUCERS = 2, CONSUMERS = 2, ITEMS = 4, PLACES = 2 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int buffer[PLACES], used, taken, last_of[PRODUCERS] = {-1, -1};

static void *producer(void *argument)
{
    int number = *(int *)argument;
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&mutex);
        while (used == PLACES)
            pthread_cond_wait(&not_full, &mutex);
        buffer[used++] = number * ITEMS + i;
        pthread_cond_signal(&not_empty);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (used == 0 && taken < PRODUCERS * ITEMS)
            pthread_cond_wait(&not_empty, &mutex);
        if (taken == PRODUCERS * ITEMS)
            break;
        int item = buffer[0];
        for (int i = 1; i < used; i++)
            buffer[i - 1] = buffer[i];
        used--;
        assert(last_of[item / ITEMS] == item % ITEMS - 1);
        last_of[item / ITEMS] = item % ITEMS;
        if (++taken == PRODUCERS * ITEMS)
            pthread_cond_broadcast(&not_empty);
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[PRODUCERS + CONSUMERS];
    static int numbers[PRODUCERS] = {0, 1};
    for (int i = 0; i < PRODUCERS; i++)
        assert(pthread_create(&threads[i], NULL, producer, &numbers[i]) == 0);
    for (int i = 0; i < CONSUMERS; i++)
        assert(pthread_create(&threads[PRODUCERS + i], NULL, consumer, NULL) == 0);
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(taken == PRODUCERS * ITEMS && used == 0);
    return 0;
}
