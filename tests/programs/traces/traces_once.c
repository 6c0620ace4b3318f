/* SPDX-License-Identifier: GPL-2.0-or-later */
/* N threads call pthread_once. Who is first runs the routine, the others find it done. Traces: N. */
#include "traces/threads.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ready;

static void initialise(void)
{
    ready++;
}

static void *use(void *unused)
{
    (void)unused;
    assert(pthread_once(&once, initialise) == 0);
    assert(ready == 1);
    return NULL;
}

int main(int argc, char **argv)
{
    run_threads(argument_or(argc, argv, 3), use);
    return 0;
}
