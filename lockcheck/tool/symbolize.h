/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of a process that is gone as functions, source lines and variables, by libdw from the process's
 * memory map and the debug information of the files that were mapped. Answers are kept, so that each address
 * is looked up once. Left out: debug information over the network (debuginfod), and the vdso.
 */
#ifndef LOCKCHECK_TOOL_SYMBOLIZE_H
#define LOCKCHECK_TOOL_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbolizer;

/* maps: the text of the process's /proc/self/maps. Free with symbolizer_free(). */
struct symbolizer *symbolizer_new(const char *maps);
void symbolizer_free(struct symbolizer *symbolizer);

/* One line of a stack. */
struct symbol {
    char *text;         /* "function (file:line)", or as much of it as is known */
    size_t function;    /* bytes of the function's name, with which the text begins; 0: it is not known */
    const char *source; /* path of the source file, NULL when it is not known */
    char *object;       /* path of the ELF file that the code is from; "" when it is not known */
    bool c_library;     /* that is the C library */
};

/*
 * A stack as lines, innermost first, with one entry for every inlined call. The frames
 * of the runtime are not the program's: of each group of them only the interposed function is kept, by its
 * name, and none of those below the thread's first function. pcs are return addresses. Returns the number of
 * lines; *symbols is an array that the caller frees; what it points to belongs to the symbolizer.
 */
size_t symbolize_stack(struct symbolizer *symbolizer, const uint64_t *pcs, size_t count,
                       const struct symbol ***symbols);

/* The global variable at an address as "name" or "name+offset"; NULL if there is none. Belongs to the
 * symbolizer. */
const char *symbolize_variable(struct symbolizer *symbolizer, uint64_t address);

/* The member or element of a global variable at an address, with its type: "counts[3] (long)". Text that the
 * caller frees; NULL when there is no such variable or no debug information of it. */
char *symbolize_member(struct symbolizer *symbolizer, uint64_t address);

/* Where in a file's image an address lies that has no name: "0x4010 (program)"; NULL when it is in none. Text
 * that the caller frees. */
char *symbolize_place(struct symbolizer *symbolizer, uint64_t address);

#endif
