/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ownership is taken by a compare-and-exchange that orders nothing when it succeeds.
 *
 * Finding: data-race
 * Correct: with acquire, and given up with release.
 */
#include "detectors/threads.h"
#include <sched.h>
#include <stdatomic.h>

static atomic_int owner;
static int value;

static void work(void)
{
    int nobody = 0;
    while (!atomic_compare_exchange_weak_explicit(
        &owner, &nobody, 1, CORRECT ? memory_order_acquire : memory_order_relaxed, memory_order_relaxed)) {
        nobody = 0;
        sched_yield();
    }
    value++;
    atomic_store_explicit(&owner, 0, memory_order_release);
}

int main(void)
{
    together(work, work);
    return 0;
}
