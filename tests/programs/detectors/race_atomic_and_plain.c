/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread writes a variable atomically, the other one plainly.
 *
 * Finding: data-race
 * Correct: both atomically.
 */
#include "detectors/threads.h"

static int value;

static void atomically(void)
{
    __atomic_store_n(&value, 1, __ATOMIC_RELAXED);
}

static void plainly(void)
{
    if (CORRECT)
        atomically();
    else
        value = 2;
}

int main(void)
{
    together(atomically, plainly);
    return 0;
}
