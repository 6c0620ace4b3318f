/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wait without a predicate: a signal that comes before the wait is lost, and the waiter hangs.
 *
 * Class: lost signal
 * Finding: hang lost-wakeup
 * Correct: a flag says that the signal has been given.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static bool given;

static void *waiter(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (CORRECT) {
        while (!given)
            pthread_cond_wait(&ready, &mutex);
    } else {
        pthread_cond_wait(&ready, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, waiter, NULL);
    pthread_mutex_lock(&mutex);
    given = true;
    pthread_cond_signal(&ready);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    return 0;
}
