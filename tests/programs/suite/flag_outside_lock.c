/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flag that a waiter waits for is set under another lock than the waiter's: set and signalled between the
 * waiter's test and its wait, it is missed.
 *
 * Class: lost signal
 * Finding: hang lost-wakeup
 * Correct: it is set and signalled under the waiter's lock.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t flag_lock = PTHREAD_MUTEX_INITIALIZER;
static bool flag;

static bool is_set(void)
{
    pthread_mutex_lock(&flag_lock);
    bool result = flag;
    pthread_mutex_unlock(&flag_lock);
    return result;
}

static void set(void)
{
    pthread_mutex_lock(&flag_lock);
    flag = true;
    pthread_mutex_unlock(&flag_lock);
}

static void *waiter(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (!is_set())
        pthread_cond_wait(&ready, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, waiter, NULL);
    if (CORRECT)
        pthread_mutex_lock(&mutex);
    set();
    pthread_cond_signal(&ready);
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    return 0;
}
