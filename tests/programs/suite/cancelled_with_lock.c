/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread is cancelled in a wait, has its mutex again by then, and ends with it.
 *
 * Class: cancellation
 * Finding: hang deadlock lost-wakeup
 * Detected: lock-misuse
 * Correct: a clean-up handler unlocks.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool ready;

static void unlock(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
}

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push(unlock, NULL);
    while (!ready)
        pthread_cond_wait(&changed, &mutex);
    pthread_cleanup_pop(0);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *opener(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    ready = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, worker, NULL);
    pthread_create(&b, NULL, opener, NULL);
    pthread_cancel(a);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
