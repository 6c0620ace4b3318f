/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads initialise a value on first use.
 *
 * Finding: data-race
 * Correct: by pthread_once().
 */
#include "detectors/threads.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int value;

static void initialise(void)
{
    value = 1;
}

static void use(void)
{
    if (CORRECT)
        pthread_once(&once, initialise);
    else if (value == 0)
        initialise();
    if (value != 1)
        __builtin_trap();
}

int main(void)
{
    (void)once;
    together(use, use);
    return 0;
}
