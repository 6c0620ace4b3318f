/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread of several takes another lock than the others for the same variable, and an update is lost. The
 * size is the number of threads with the right lock.
 *
 * Class: wrong lock
 * Finding: assertion
 * Detected: data-race
 * Points: memory
 * Sizes: 1 4 50
 * Correct: all take the same lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 64 };

static pthread_mutex_t right = PTHREAD_MUTEX_INITIALIZER, wrong = PTHREAD_MUTEX_INITIALIZER;
static int value;

static void *add(void *lock)
{
    pthread_mutex_lock(lock);
    int before = value;
    value = before + 1;
    pthread_mutex_unlock(lock);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST + 1];
    int size = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < size; i++)
        pthread_create(&threads[i], NULL, add, &right);
    pthread_create(&threads[size], NULL, add, CORRECT ? &right : &wrong);
    for (int i = 0; i <= size; i++)
        pthread_join(threads[i], NULL);
    assert(value == size + 1);
    return 0;
}
