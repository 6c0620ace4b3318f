/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal comes before the thread waits that needs it, and nobody signals again.
 *
 * Finding: lost-wakeup
 * Correct: the thread looks at a flag before it waits.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static bool given;

static void *waiter(void *unused)
{
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    pthread_mutex_lock(&mutex);
    if (CORRECT) {
        while (!given)
            pthread_cond_wait(&ready, &mutex);
    } else {
        pthread_cond_wait(&ready, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void give(void)
{
    pthread_mutex_lock(&mutex);
    given = true;
    pthread_cond_signal(&ready);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, waiter, NULL);
    give();
    pthread_join(thread, NULL);
    return 0;
}
