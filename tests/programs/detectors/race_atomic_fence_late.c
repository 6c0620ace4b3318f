/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The release fence comes after the flag was set.
 *
 * Finding: data-race
 * Correct: before.
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
    if (!CORRECT)
        atomic_thread_fence(memory_order_release);
}

static void taker(void)
{
    if (!atomic_load_explicit(&ready, memory_order_acquire))
        return;
    value++;
}

int main(void)
{
    together(giver, taker);
    return 0;
}
