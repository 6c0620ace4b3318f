/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the programs of this folder start and end their threads; neither adds to the number of traces. */
#ifndef TESTS_PROGRAMS_TRACES_THREADS_H
#define TESTS_PROGRAMS_TRACES_THREADS_H

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define MOST_THREADS 16

/* The first argument of the program as a number from 1, or `otherwise`. */
static inline int argument_or(int argc, char **argv, int otherwise)
{
    int value = argc > 1 ? atoi(argv[1]) : otherwise;
    assert(value >= 1 && value <= MOST_THREADS);
    return value;
}

/* Run body(0) .. body(count - 1) in threads of their own and wait for them all. */
static inline void run_threads(int count, void *(*body)(void *))
{
    pthread_t threads[MOST_THREADS];
    for (int i = 0; i < count; i++)
        assert(pthread_create(&threads[i], NULL, body, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < count; i++)
        assert(pthread_join(threads[i], NULL) == 0);
}

#endif
