/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flag is set with release and read with relaxed.
 *
 * Finding: data-race
 * Correct: read with acquire.
 */
#include "detectors/threads.h"
#include <stdatomic.h>
#include <stdbool.h>

static atomic_bool ready;
static int value;

static void giver(void)
{
    value = 1;
    atomic_store_explicit(&ready, true, memory_order_release);
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
