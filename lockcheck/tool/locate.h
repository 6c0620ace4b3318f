/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the other parts of lockcheck are, seen from this executable: in the build tree and when installed.
 * Each function returns text that the caller frees, or NULL when there is no such thing.
 */
#ifndef LOCKCHECK_TOOL_LOCATE_H
#define LOCKCHECK_TOOL_LOCATE_H

#include <stdbool.h>

/* The directory that holds this executable. */
char *locate_commands(void);
/* The runtime to be preloaded, liblockcheck.so. */
char *locate_runtime(void);
/* The library to be preloaded into programs that run natively. */
char *locate_native(void);
/* The library to be preloaded into programs that run under another checker, which is one of Valgrind's or not. */
char *locate_annotate(bool valgrind);
/* The directory for PYTHONPATH, which holds the package lockcheck. */
char *locate_python(void);
/* The file that teaches gdb its commands. */
char *locate_gdb_commands(void);

#endif
