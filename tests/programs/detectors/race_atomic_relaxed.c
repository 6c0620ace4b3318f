/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is handed over by an atomic flag that is set and read with memory_order_relaxed: that orders
 * nothing.
 *
 * Finding: data-race
 * Correct: set with release, read with acquire.
 */
#include "detectors/threads.h"
#include <stdatomic.h>
#include <stdbool.h>

static atomic_bool ready;
static int value;

static void giver(void)
{
    value = 1;
    atomic_store_explicit(&ready, true, CORRECT ? memory_order_release : memory_order_relaxed);
}

static void taker(void)
{
    if (!atomic_load_explicit(&ready, CORRECT ? memory_order_acquire : memory_order_relaxed))
        return;
    value++;
}

int main(void)
{
    together(giver, taker);
    return 0;
}
