/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N philosophers at a round table, who take the fork with the lower number first. Traces: each fork is used
 * by one neighbour before the other, but not all in one direction around the table, since each holds both
 * forks at once: the acyclic orientations of a ring, 2^N - 2. */
#include "traces/threads.h"

static pthread_mutex_t forks[MOST_THREADS];
static int philosophers;

static void *eat(void *number)
{
    int left = (int)(intptr_t)number, right = (left + 1) % philosophers;
    int first = left < right ? left : right, second = left < right ? right : left;
    pthread_mutex_lock(&forks[first]);
    pthread_mutex_lock(&forks[second]);
    pthread_mutex_unlock(&forks[second]);
    pthread_mutex_unlock(&forks[first]);
    return NULL;
}

int main(int argc, char **argv)
{
    philosophers = argument_or(argc, argv, 3);
    for (int i = 0; i < philosophers; i++)
        pthread_mutex_init(&forks[i], NULL);
    run_threads(philosophers, eat);
    return 0;
}
