/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one variable, under a mutex of their own each.
 *
 * Finding: data-race
 * Correct: under the same one.
 */
#include "detectors/threads.h"

static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static long counts[8];

static void increment(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    counts[3]++;
    pthread_mutex_unlock(mutex);
}

static void one(void)
{
    increment(&mutexes[0]);
}

static void other(void)
{
    increment(&mutexes[!CORRECT]);
}

int main(void)
{
    together(one, other);
    return 0;
}
