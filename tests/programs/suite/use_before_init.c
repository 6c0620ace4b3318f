/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread uses what its maker sets after making it: a null pointer is followed in some schedules.
 *
 * Class: use before initialisation
 * Finding: crash
 * Correct: it is set first.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

struct service {
    int requests;
    sem_t done;
};

static struct service storage;
static struct service *volatile service;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    service->requests++;
    pthread_mutex_unlock(&mutex);
    sem_post(&service->done);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    sem_init(&storage.done, 0, 0);
    if (!CORRECT)
        pthread_create(&thread, NULL, worker, NULL);
    pthread_mutex_lock(&mutex);
    service = &storage;
    pthread_mutex_unlock(&mutex);
    if (CORRECT)
        pthread_create(&thread, NULL, worker, NULL);
    sem_wait(&storage.done);
    pthread_join(thread, NULL);
    return 0;
}
