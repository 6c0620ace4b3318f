/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads write to one block of the heap.
 *
 * Finding: data-race
 * Correct: each to its own: the second may get the memory that the first has freed, and that is no race.
 */
#include "detectors/threads.h"
#include <stdlib.h>

static int *shared;

static void work(void)
{
    int *own = calloc(16, sizeof *own), *block = CORRECT ? own : shared;
    block[3]++;
    __asm__ volatile("" : : "r"(block) : "memory");
    free(own);
}

int main(void)
{
    shared = calloc(16, sizeof *shared);
    together(work, work);
    free(shared);
    return 0;
}
