/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread ends and holds a mutex.
 *
 * Finding: lock-misuse
 * Correct: the mutex is robust: its next owner is told.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex;

static void *lock(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (CORRECT)
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&mutex, &attributes);
    pthread_t thread;
    pthread_create(&thread, NULL, lock, NULL);
    pthread_join(thread, NULL);
    if (CORRECT) {
        assert(pthread_mutex_lock(&mutex) == EOWNERDEAD);
        pthread_mutex_consistent(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}
