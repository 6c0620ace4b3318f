/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N threads take each a lock of its own. Nothing depends on anything of another thread: one trace. */
#include "traces/threads.h"

static pthread_mutex_t mutexes[MOST_THREADS];
static int counters[MOST_THREADS];

static void *increment(void *number)
{
    intptr_t i = (intptr_t)number;
    for (int n = 0; n < 3; n++) {
        pthread_mutex_lock(&mutexes[i]);
        counters[i]++;
        pthread_mutex_unlock(&mutexes[i]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argument_or(argc, argv, 3);
    for (int i = 0; i < threads; i++)
        pthread_mutex_init(&mutexes[i], NULL);
    run_threads(threads, increment);
    for (int i = 0; i < threads; i++)
        assert(counters[i] == 3);
    return 0;
}
