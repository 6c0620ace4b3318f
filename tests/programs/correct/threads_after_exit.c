/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads are still joined, and locks still work, in handlers that run at exit. */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t stop;
static pthread_t thread;
static int stopped;

static void *worker(void *unused)
{
    (void)unused;
    assert(sem_wait(&stop) == 0);
    pthread_mutex_lock(&mutex);
    stopped = 1;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void at_exit(void)
{
    assert(sem_post(&stop) == 0);
    assert(pthread_join(thread, NULL) == 0);
    pthread_mutex_lock(&mutex);
    assert(stopped);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    assert(sem_init(&stop, 0, 0) == 0);
    assert(pthread_create(&thread, NULL, worker, NULL) == 0);
    assert(atexit(at_exit) == 0);
    exit(0);
}
