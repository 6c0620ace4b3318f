/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread locks a plain mutex that it holds. No execution of that ends well.
 *
 * Finding: deadlock
 * Correct: the mutex is recursive.
 */
#include <pthread.h>

static pthread_mutex_t mutex;

int main(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, CORRECT ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    pthread_mutex_init(&mutex, &attributes);
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_unlock(&mutex);
    return 0;
}
