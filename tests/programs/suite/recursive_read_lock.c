/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lock that lets no reader pass a waiting writer, and a reader that takes it a second time: a writer that
 * comes between the two waits for the reader, and the reader for the writer.
 *
 * Class: reader-writer lock
 * Finding: hang lost-wakeup
 * Correct: the inner function expects the lock to be held.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int readers;
static bool writer_waits, writing;
static int routes = 1;

static void read_lock(void)
{
    pthread_mutex_lock(&mutex);
    while (writing || writer_waits)
        pthread_cond_wait(&changed, &mutex);
    readers++;
    pthread_mutex_unlock(&mutex);
}

static void read_unlock(void)
{
    pthread_mutex_lock(&mutex);
    readers--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static int lookup(void)
{
    if (!CORRECT)
        read_lock();
    int result = routes;
    if (!CORRECT)
        read_unlock();
    return result;
}

static void *forward(void *unused)
{
    (void)unused;
    read_lock();
    lookup();
    read_unlock();
    return NULL;
}

static void *change_routes(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    writer_waits = true;
    while (readers > 0)
        pthread_cond_wait(&changed, &mutex);
    writer_waits = false;
    writing = true;
    pthread_mutex_unlock(&mutex);
    routes++;
    pthread_mutex_lock(&mutex);
    writing = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, forward, NULL);
    pthread_create(&b, NULL, change_routes, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
