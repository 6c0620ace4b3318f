/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peterson's algorithm with its first two lines exchanged: a thread gives the turn away before it says that
 * it wants to go in.
 *
 * Class: mutual exclusion
 * Finding: assertion
 * Points: memory
 * Correct: the two lines in their order.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool wants[2];
static atomic_int turn;
static atomic_int inside;

static void *visitor(void *argument)
{
    int me = *(int *)argument, other = !me;
    if (CORRECT)
        wants[me] = true;
    turn = other;
    if (!CORRECT)
        wants[me] = true;
    while (wants[other] && turn == other)
        sched_yield();
    assert(atomic_fetch_add(&inside, 1) == 0);
    atomic_fetch_sub(&inside, 1);
    wants[me] = false;
    return NULL;
}

int main(void)
{
    static int numbers[2] = {0, 1};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, visitor, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
