/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consumer looks whether the service stops, and then waits for work: a stop between the two wakes nobody.
 *
 * Class: lost signal
 * Finding: hang lost-wakeup
 * Correct: it looks once more under the lock under which it waits.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_came = PTHREAD_COND_INITIALIZER;
static int work;
static bool stopping;

static bool stops(void)
{
    pthread_mutex_lock(&mutex);
    bool result = stopping;
    pthread_mutex_unlock(&mutex);
    return result;
}

static void *consumer(void *unused)
{
    (void)unused;
    while (!stops()) {
        pthread_mutex_lock(&mutex);
        if (work == 0 && !(CORRECT && stopping))
            pthread_cond_wait(&work_came, &mutex);
        if (work > 0)
            work--;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, consumer, NULL);
    pthread_mutex_lock(&mutex);
    work++;
    pthread_cond_signal(&work_came);
    pthread_mutex_unlock(&mutex);

    pthread_mutex_lock(&mutex);
    stopping = true;
    pthread_cond_broadcast(&work_came);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    return 0;
}
