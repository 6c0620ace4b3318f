/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first reader locks the room for all readers, after it has counted itself: a second reader sees that it
 * is not the first and walks in while the writer is still there.
 *
 * Class: reader-writer lock
 * Finding: assertion
 * Correct: it counts itself and locks the room in one critical section.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t room;
static int readers;
static atomic_int writers;

static void *reader(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    int count = ++readers;
    if (!CORRECT)
        pthread_mutex_unlock(&mutex);
    if (count == 1)
        sem_wait(&room);
    if (CORRECT)
        pthread_mutex_unlock(&mutex);

    assert(writers == 0);

    pthread_mutex_lock(&mutex);
    if (--readers == 0)
        sem_post(&room);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *writer(void *unused)
{
    (void)unused;
    sem_wait(&room);
    writers++;
    sched_yield();
    writers--;
    sem_post(&room);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    sem_init(&room, 0, 1);
    pthread_create(&threads[0], NULL, reader, NULL);
    pthread_create(&threads[1], NULL, reader, NULL);
    pthread_create(&threads[2], NULL, writer, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
