/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consumer tests its predicate once: another one takes the item between the signal and its waking up.
 *
 * Class: stolen wake-up
 * Finding: assertion
 * Correct: it tests again whenever it wakes.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int items;

static void *consumer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (items == 0) {
        pthread_cond_wait(&filled, &mutex);
        if (!CORRECT)
            break;
    }
    assert(items > 0);
    items--;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void put(void)
{
    pthread_mutex_lock(&mutex);
    items++;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, consumer, NULL);
    put();
    put();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
