/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two readers want to become the writer: each waits for the other to stop reading.
 *
 * Class: reader-writer lock
 * Finding: hang lost-wakeup
 * Correct: the second one to ask is refused, stops reading, and begins again as a writer.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int readers;
static bool writing, upgrading;
static int value;

static void read_lock(void)
{
    pthread_mutex_lock(&mutex);
    while (writing)
        pthread_cond_wait(&changed, &mutex);
    readers++;
    pthread_mutex_unlock(&mutex);
}

/* Returns false when another reader is already waiting to become the writer; the caller is still a reader. */
static bool upgrade(void)
{
    pthread_mutex_lock(&mutex);
    bool refused = CORRECT && upgrading;
    if (!refused) {
        upgrading = true;
        while (readers > 1)
            pthread_cond_wait(&changed, &mutex);
        upgrading = false;
        readers--;
        writing = true;
    }
    pthread_mutex_unlock(&mutex);
    return !refused;
}

static void begin_again_as_writer(void)
{
    pthread_mutex_lock(&mutex);
    readers--;
    pthread_cond_broadcast(&changed);
    while (writing || readers > 0)
        pthread_cond_wait(&changed, &mutex);
    writing = true;
    pthread_mutex_unlock(&mutex);
}

static void write_unlock(void)
{
    pthread_mutex_lock(&mutex);
    writing = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void *worker(void *unused)
{
    (void)unused;
    read_lock();
    if (!upgrade())
        begin_again_as_writer();
    value++;
    write_unlock();
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(value == 2);
    return 0;
}
