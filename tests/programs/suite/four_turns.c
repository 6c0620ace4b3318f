/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fault that shows only when two threads take turns four times: rarer than those with one switch.
 *
 * Class: ordering of several steps
 * Finding: assertion
 * Correct: the last turn is not taken.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { ROUNDS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int state;

static void step(int from, int to)
{
    pthread_mutex_lock(&mutex);
    if (state == from)
        state = to;
    pthread_mutex_unlock(&mutex);
}

static void *first(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        step(0, 1);
        step(2, 3);
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        step(1, 2);
        if (!CORRECT)
            step(3, 4);
    }
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, first, NULL);
    pthread_create(&b, NULL, second, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(state != 4);
    return 0;
}
