/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two variables that belong together are set one after the other, and a checker sees only one of them set.
 * The size is the number of setters; once one of them is through, there is nothing left to see.
 *
 * Class: reorder
 * Finding: assertion
 * Points: memory
 * Sizes: 1 4 10 50
 * Correct: setters and checker take a lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 64 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int plus, minus;

static void *set(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_lock(&mutex);
    plus = 1;
    minus = -1;
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *check(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_lock(&mutex);
    int a = plus;
    int b = minus;
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    assert(!(a == 1 && b == 0));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST + 1];
    int size = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < size; i++)
        pthread_create(&threads[i], NULL, set, NULL);
    pthread_create(&threads[size], NULL, check, NULL);
    for (int i = 0; i <= size; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
