/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads take one lock N times each. Traces: the ways to merge two rows of N, (2N)! / (N! N!). */
#include "traces/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int sections, counter;

static void *increment(void *unused)
{
    (void)unused;
    for (int i = 0; i < sections; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    sections = argument_or(argc, argv, 2);
    run_threads(2, increment);
    assert(counter == 2 * sections);
    return 0;
}
