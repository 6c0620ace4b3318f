/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: the end of the system.
 */
#ifndef DDEKIT_PANIC_H
#define DDEKIT_PANIC_H

#include <ddekit/attribs.h>

/* Prints the message and aborts the process. */
void ddekit_panic(const char *fmt, ...) DDEKIT_PRINTF(1, 2) DDEKIT_NORETURN;

/* Prints the message and goes on. */
void ddekit_debug(const char *fmt, ...) DDEKIT_PRINTF(1, 2);

#endif
