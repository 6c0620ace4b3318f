/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that make threads, forty alive at once and more over time, each joined by its maker. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { CHILDREN = 3, DEPTH = 3 };

static void *maker(void *argument)
{
    intptr_t depth = (intptr_t)argument, count = 1;
    pthread_t children[CHILDREN];
    if (depth == DEPTH)
        return (void *)count;
    for (int i = 0; i < CHILDREN; i++)
        assert(pthread_create(&children[i], NULL, maker, (void *)(depth + 1)) == 0);
    for (int i = 0; i < CHILDREN; i++) {
        void *result;
        assert(pthread_join(children[i], &result) == 0);
        count += (intptr_t)result;
    }
    return (void *)count;
}

int main(void)
{
    for (int i = 0; i < 2; i++)
        assert((intptr_t)maker((void *)0) == 1 + 3 + 9 + 27);
    return 0;
}
