/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads write to two bit-fields that share a byte, which is one memory location.
 *
 * Finding: data-race
 * Correct: a field of width 0 parts them (C17 3.14).
 */
#include "detectors/threads.h"

static struct {
    unsigned one : 3;
#if CORRECT
    unsigned : 0;
#endif
    unsigned other : 3;
} fields;

static void one(void)
{
    fields.one++;
}

static void other(void)
{
    fields.other++;
}

int main(void)
{
    together(one, other);
    return 0;
}
