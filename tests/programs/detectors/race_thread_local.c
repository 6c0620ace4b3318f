/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one static variable.
 *
 * Finding: data-race
 * Correct: in a thread-local one.
 */
#include "detectors/threads.h"

#if CORRECT
static _Thread_local int count[4];
#else
static int count[4];
#endif

static void work(void)
{
    int *volatile place = &count[1];
    ++*place;
}

int main(void)
{
    together(work, work);
    return 0;
}
