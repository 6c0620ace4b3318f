/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Four modules each call the next one with their own lock held, and the last calls the first: a deadlock of
 * four, although no two of them take the same two locks.
 *
 * Class: lock cycle
 * Finding: deadlock
 * Detected: lock-order
 * Correct: the last pair is taken in the order of the others.
 */
#include <pthread.h>
#include <stddef.h>

enum { MODULES = 4 };

static pthread_mutex_t inode = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t page = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t journal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t quota = PTHREAD_MUTEX_INITIALIZER;

static struct operation {
    pthread_mutex_t *outer, *inner;
} operations[MODULES] = {
    {&inode, &page},
    {&page, &journal},
    {&journal, &quota},
#if CORRECT
    {&inode, &quota},
#else
    {&quota, &inode},
#endif
};

static void *operate(void *argument)
{
    struct operation *operation = argument;
    pthread_mutex_lock(operation->outer);
    pthread_mutex_lock(operation->inner);
    pthread_mutex_unlock(operation->inner);
    pthread_mutex_unlock(operation->outer);
    return NULL;
}

int main(void)
{
    pthread_t threads[MODULES];
    for (int i = 0; i < MODULES; i++)
        pthread_create(&threads[i], NULL, operate, &operations[i]);
    for (int i = 0; i < MODULES; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
