/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that fails when its output cannot be written. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    return puts("all is well") >= 0 && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
