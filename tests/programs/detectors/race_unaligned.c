/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads write to eight bytes at an odd address and to one byte within them, beyond the next multiple
 * of eight.
 *
 * Finding: data-race
 * Correct: the byte lies after them.
 */
#include "detectors/threads.h"
#include <stdint.h>

static struct __attribute__((packed)) {
    char first[5];
    uint64_t number;
    char last[3];
} __attribute__((aligned(8))) memory;

static void one(void)
{
    memory.number += 7;
}

static void other(void)
{
    char *bytes = (char *)&memory;
    bytes[CORRECT ? 13 : 12]++;
}

int main(void)
{
    together(one, other);
    return 0;
}
