/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main joins a thread while it holds the mutex that the thread needs to end: a deadlock through a join.
 *
 * Class: lock cycle through a wait
 * Finding: deadlock
 * Correct: it unlocks first.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    pthread_mutex_lock(&mutex);
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    if (!CORRECT)
        pthread_mutex_unlock(&mutex);
    return 0;
}
