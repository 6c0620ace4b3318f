/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N threads take one lock once each. Traces: the orders in which they can, N!. */
#include "traces/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int counter;

static void *increment(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    counter++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argument_or(argc, argv, 3);
    run_threads(threads, increment);
    assert(counter == threads);
    return 0;
}
