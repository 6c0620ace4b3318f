/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads write to a structure of 16 bytes and to its second half.
 *
 * Finding: data-race
 * Correct: to two of them.
 */
#include "detectors/threads.h"

struct pair {
    long first, second;
};
struct pair pairs[2];

static void one(void)
{
    pairs[0] = (struct pair){1, 2};
}

static void other(void)
{
    pairs[CORRECT].second = 3;
}

int main(void)
{
    together(one, other);
    return 0;
}
