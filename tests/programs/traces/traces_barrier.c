/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N threads meet at a barrier. The last is told so, and the order in which they come is what can differ, not
 * the order in which they leave. Traces: N!. */
#include "traces/threads.h"

static pthread_barrier_t barrier;

static void *meet(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argument_or(argc, argv, 3);
    pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    run_threads(threads, meet);
    return 0;
}
