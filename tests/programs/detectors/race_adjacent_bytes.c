/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads write to one byte.
 *
 * Finding: data-race
 * Correct: to two bytes next to each other: no race, however memory is divided.
 */
#include "detectors/threads.h"

static char bytes[8];

static void one(void)
{
    bytes[3]++;
}

static void other(void)
{
    bytes[CORRECT ? 4 : 3]++;
}

int main(void)
{
    together(one, other);
    return 0;
}
