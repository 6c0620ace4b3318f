/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one variable.
 *
 * Finding: data-race
 * Correct: under a mutex.
 */
#include "detectors/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int count;

static void increment(void)
{
    if (CORRECT)
        pthread_mutex_lock(&mutex);
    count++;
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
}

int main(void)
{
    (void)mutex;
    together(increment, increment);
    return count == 2 ? 0 : 1;
}
