/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many threads have read before one writes, and only one of them is not ordered with it.
 *
 * Finding: data-race
 * Correct: all are joined.
 */
#include <pthread.h>
#include <stddef.h>

#define READERS 8

static int value;

static void *reads(void *unused)
{
    (void)unused;
    return (void *)(size_t) * (volatile int *)&value;
}

int main(void)
{
    pthread_t threads[READERS];
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[i], NULL, reads, NULL);
    for (int i = 0; i < READERS; i++)
        if (CORRECT || i != 2)
            pthread_join(threads[i], NULL);
    value = 1;
    if (!CORRECT)
        pthread_join(threads[2], NULL);
    return 0;
}
