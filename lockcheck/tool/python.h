/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calling the parts of the command that are written in Python: the package lockcheck. */
#ifndef LOCKCHECK_TOOL_PYTHON_H
#define LOCKCHECK_TOOL_PYTHON_H

#include <stddef.h>

/* Becomes `python3 -m MODULE WORD...`; NULL is at the end of words. Returns only when that fails, after
 * saying why. */
void python_become(const char *module, const char *const words[]);

/* What it prints: text that the caller frees, with its length in bytes; or NULL when it ends with another
 * status than 0, after saying so. */
char *python_output(const char *module, const char *const words[], size_t *length);

#endif
