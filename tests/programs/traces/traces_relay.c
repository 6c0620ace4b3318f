/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N threads pass a token round by semaphores, so that each step has to follow the one before: one trace. */
#include <semaphore.h>

#include "traces/threads.h"

static sem_t turns[MOST_THREADS];
static int threads, counter;

static void *run(void *number)
{
    intptr_t i = (intptr_t)number;
    sem_wait(&turns[i]);
    assert(counter++ == i);
    sem_post(&turns[(i + 1) % threads]);
    return NULL;
}

int main(int argc, char **argv)
{
    threads = argument_or(argc, argv, 3);
    for (int i = 0; i < threads; i++)
        sem_init(&turns[i], 0, i == 0);
    run_threads(threads, run);
    assert(counter == threads);
    return 0;
}
