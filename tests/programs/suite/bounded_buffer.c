/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Producers and consumers of a buffer with one place share one condition variable and signal it: the signal
 * that says "there is room" may wake a consumer, who goes back to sleep.
 *
 * Class: bounded buffer
 * Finding: hang lost-wakeup
 * Correct: one condition variable for each of the two things that are waited for.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { PAIRS = 2, CAPACITY = 1 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t room_made = PTHREAD_COND_INITIALIZER;
static int items;

static pthread_cond_t *const has_items = &changed;
static pthread_cond_t *const has_room = CORRECT ? &room_made : &changed;

static void *producer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (items == CAPACITY)
        pthread_cond_wait(has_room, &mutex);
    items++;
    pthread_cond_signal(has_items);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *consumer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (items == 0)
        pthread_cond_wait(has_items, &mutex);
    items--;
    pthread_cond_signal(has_room);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t producers[PAIRS], consumers[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        pthread_create(&producers[i], NULL, producer, NULL);
        pthread_create(&consumers[i], NULL, consumer, NULL);
    }
    for (int i = 0; i < PAIRS; i++) {
        pthread_join(producers[i], NULL);
        pthread_join(consumers[i], NULL);
    }
    assert(items == 0);
    return 0;
}
