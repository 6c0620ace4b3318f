/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flag is set and read relaxed, without fences.
 *
 * Finding: data-race
 * Correct: with a release fence before it is set and an acquire fence after it was read.
 */
#include "detectors/threads.h"
#include <stdatomic.h>
#include <stdbool.h>

static atomic_bool ready;
static int value;

static void giver(void)
{
    value = 1;
    if (CORRECT)
        atomic_thread_fence(memory_order_release);
    atomic_store_explicit(&ready, true, memory_order_relaxed);
}

static void taker(void)
{
    if (!atomic_load_explicit(&ready, memory_order_relaxed))
        return;
    if (CORRECT)
        atomic_thread_fence(memory_order_acquire);
    value++;
}

int main(void)
{
    together(giver, taker);
    return 0;
}
