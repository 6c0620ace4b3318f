/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread copies into a buffer while another one writes to its last byte.
 *
 * Finding: data-race
 * Correct: to the byte after it.
 */
#include "detectors/threads.h"
#include <string.h>

#define BYTES 100

static char buffer[BYTES + 4], source[BYTES];

static void copies(void)
{
    size_t volatile bytes = BYTES;
    memcpy(buffer, source, bytes);
}

static void writes(void)
{
    buffer[CORRECT ? BYTES : BYTES - 1] = 1;
}

int main(void)
{
    together(copies, writes);
    return 0;
}
