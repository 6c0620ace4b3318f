/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads write to their own place, meet at a barrier, and read the other's place; then they write to it.
 *
 * Finding: data-race
 * Correct: they meet again before they write.
 */
#include "detectors/threads.h"

static pthread_barrier_t barrier;
static int places[2];

static void work(int me)
{
    volatile int seen = 0;
    for (int round = 0; round < 3; round++) {
        places[me] = round;
        pthread_barrier_wait(&barrier);
        seen += places[!me];
        if (CORRECT)
            pthread_barrier_wait(&barrier);
    }
}

static void one(void)
{
    work(0);
}

static void other(void)
{
    work(1);
}

int main(void)
{
    pthread_barrier_init(&barrier, NULL, 2);
    together(one, other);
    pthread_barrier_destroy(&barrier);
    return 0;
}
