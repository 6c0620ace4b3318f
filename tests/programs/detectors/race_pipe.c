/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is handed over by a byte in a pipe, and changed after the byte was written.
 *
 * Finding: data-race
 * Correct: before.
 */
#include "detectors/threads.h"
#include <unistd.h>

static int ends[2], value;

static void giver(void)
{
    if (CORRECT)
        value = 1;
    if (write(ends[1], "", 1) != 1)
        __builtin_trap();
    if (!CORRECT)
        value = 1;
}

static void taker(void)
{
    char byte;
    if (read(ends[0], &byte, 1) != 1)
        __builtin_trap();
    value++;
}

int main(void)
{
    if (pipe(ends))
        return 1;
    together(giver, taker);
    return 0;
}
