/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flag is volatile, which orders nothing.
 *
 * Finding: data-race
 * Correct: atomic.
 */
#include "detectors/threads.h"
#include <stdatomic.h>

#if CORRECT
static atomic_int ready;
#else
static volatile int ready;
#endif
static int value;

static void giver(void)
{
    value = 1;
    ready = 1;
}

static void taker(void)
{
    if (ready)
        value++;
}

int main(void)
{
    together(giver, taker);
    return 0;
}
