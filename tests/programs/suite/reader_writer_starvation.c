/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock that lets readers in while others read: those who come after the writer overtake it again and again.
 *
 * Class: reader-writer starvation
 * Finding: assertion
 * Correct: a reader does not enter while a writer waits.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { READERS = 2, ROUNDS = 4, PATIENCE = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int readers;
static bool writing, writer_waits;
static int overtakers; /* readers that entered while the writer waited */

static void *reader(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&mutex);
        while (writing || (CORRECT && writer_waits))
            pthread_cond_wait(&changed, &mutex);
        readers++;
        overtakers += writer_waits;
        pthread_mutex_unlock(&mutex);

        pthread_mutex_lock(&mutex);
        readers--;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *writer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    writer_waits = true;
    while (readers > 0)
        pthread_cond_wait(&changed, &mutex);
    assert(overtakers < PATIENCE);
    writer_waits = false;
    writing = true;
    pthread_mutex_unlock(&mutex);

    pthread_mutex_lock(&mutex);
    writing = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[READERS + 1];
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, reader, NULL);
    pthread_create(&threads[READERS], NULL, writer, NULL);
    for (int i = 0; i <= READERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
