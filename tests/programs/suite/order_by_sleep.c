/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main sleeps 10 ms, which is always enough for a thread of a few instructions, and takes it as done.
 *
 * Class: order by time
 * Finding: assertion
 * Correct: main waits for the thread to say so.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t done;
static bool configured;

static void *configure(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    configured = true;
    pthread_mutex_unlock(&mutex);
    sem_post(&done);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    sem_init(&done, 0, 0);
    pthread_create(&thread, NULL, configure, NULL);
    if (CORRECT)
        sem_wait(&done);
    else
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    pthread_mutex_lock(&mutex);
    assert(configured);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    return 0;
}
