/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs here have in common: two threads that do something each, at the same time or in turn. */
#ifndef TESTS_PROGRAMS_DETECTORS_THREADS_H
#define TESTS_PROGRAMS_DETECTORS_THREADS_H

#include <pthread.h>
#include <stddef.h>

static void *call(void *work)
{
    (*(void (**)(void))work)();
    return NULL;
}

/* Both may be under way at once. */
static inline void together(void (*one)(void), void (*other)(void))
{
    pthread_t first, second;
    pthread_create(&first, NULL, call, &one);
    pthread_create(&second, NULL, call, &other);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
}

/* The second begins when the first has ended. */
static inline void in_turn(void (*one)(void), void (*other)(void))
{
    pthread_t thread;
    pthread_create(&thread, NULL, call, &one);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, call, &other);
    pthread_join(thread, NULL);
}

#endif
