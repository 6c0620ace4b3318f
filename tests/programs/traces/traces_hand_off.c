/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A value is handed over by a condition variable, to a waiter that looks before it waits. Traces: 2, by who
 * has the mutex first; whoever waits is woken, and has the mutex again after the other. */
#include "traces/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int value;

static void *give_or_take(void *number)
{
    pthread_mutex_lock(&mutex);
    if (number) {
        value = 42;
        pthread_cond_signal(&ready);
    } else {
        while (!value)
            pthread_cond_wait(&ready, &mutex);
        assert(value == 42);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    run_threads(2, give_or_take);
    return 0;
}
