/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: messages for the system's console, which is the standard error.
 */
#ifndef DDEKIT_PRINTF_H
#define DDEKIT_PRINTF_H

#include <stdarg.h>
#include <ddekit/attribs.h>

#define DDEKIT_PRINT_MAX 1024 /* bytes of one message; longer ones are cut */

/* Messages go to this file descriptor from now on; -1: nowhere. The default is 2. */
void ddekit_print_to(int fd);

/* Each call writes its text at once, without anything of another thread in between. Return the bytes of the
 * text. */
int ddekit_print(const char *msg);
int ddekit_printf(const char *fmt, ...) DDEKIT_PRINTF(1, 2);
int ddekit_vprintf(const char *fmt, va_list va) DDEKIT_PRINTF(1, 0);

/* One line with the name of the calling function in front, if doit is not 0. */
#define ddekit_log(doit, fmt, ...)                                                                           \
    do {                                                                                                     \
        if (doit)                                                                                            \
            ddekit_printf("%s: " fmt "\n", __func__, ##__VA_ARGS__);                                         \
    } while (0)

#endif
