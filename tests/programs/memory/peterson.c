/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Peterson's mutual exclusion of two threads (Information Processing Letters 12(3), 1981) in volatile
 * variables. A thread gives way before it says that it wants to enter, so both may enter.
 *
 * Correct: it says so first, and the variables are atomic: volatile ones order nothing on real processors,
 * which would let the loop read before the flag is seen by the other.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#if CORRECT
static atomic_int wants[2], turn;
#else
static volatile int wants[2], turn;
#endif
static volatile int inside;

static void enter(int me)
{
    int other = 1 - me;
    if (CORRECT)
        wants[me] = 1;
    turn = other;
    if (!CORRECT)
        wants[me] = 1;
    while (wants[other] && turn == other)
        ;
}

static void leave(int me)
{
    wants[me] = 0;
}

static void *visitor(void *argument)
{
    int me = (int)(intptr_t)argument;
    enter(me);
    assert(!inside);
    inside = 1;
    inside = 0;
    leave(me);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, visitor, (void *)0);
    pthread_create(&b, NULL, visitor, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
