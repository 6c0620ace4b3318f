/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each of two threads looks at the other's flag and then raises its own: both look before either raises.
 *
 * Class: mutual exclusion
 * Finding: assertion
 * Points: memory
 * Correct: each raises its own first.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_bool flags[2];
static atomic_int inside;

/* Returns false when the other one is inside or about to be. */
static bool enter(int me)
{
    if (CORRECT) {
        flags[me] = true;
        if (!flags[!me])
            return true;
        flags[me] = false;
        return false;
    }
    if (flags[!me])
        return false;
    flags[me] = true;
    return true;
}

static void *visitor(void *argument)
{
    int me = *(int *)argument;
    if (enter(me)) {
        assert(atomic_fetch_add(&inside, 1) == 0);
        atomic_fetch_sub(&inside, 1);
        flags[me] = false;
    }
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
