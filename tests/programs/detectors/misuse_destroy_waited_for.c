/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A condition variable is destroyed while a thread waits for it.
 *
 * Finding: lock-misuse
 * Correct: when that has gone on.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool waits, done;

static void *wait_for_change(void *unused)
{
    (void)unused;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 3600;
    pthread_mutex_lock(&mutex);
    waits = true;
    while (!done && pthread_cond_timedwait(&changed, &mutex, &until) == 0)
        ;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_change, NULL);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    if (CORRECT) {
        pthread_mutex_lock(&mutex);
        done = true;
        pthread_cond_signal(&changed);
        pthread_mutex_unlock(&mutex);
        pthread_join(thread, NULL);
        pthread_cond_destroy(&changed);
    } else {
        pthread_cond_destroy(&changed);
        pthread_join(thread, NULL);
    }
    return 0;
}
