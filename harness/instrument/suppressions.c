/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Suppressions that a program brings along: the file that the build names, as it is.
 */
#include <lockcheck.h>

extern const char instrument_suppressions[];

__asm__(".pushsection .rodata\n"
        "instrument_suppressions:\n"
        ".incbin \"" SUPPRESSIONS_FILE "\"\n"
        ".byte 0\n"
        ".popsection\n");

const char *lockcheck_default_suppressions(void)
{
    return instrument_suppressions;
}
