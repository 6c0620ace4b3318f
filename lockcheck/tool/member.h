/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is at an offset in a global variable, by the types in debug information (DWARF 5, chapter 5). */
#ifndef LOCKCHECK_TOOL_MEMBER_H
#define LOCKCHECK_TOOL_MEMBER_H

#include <elfutils/libdwfl.h>
#include <stdint.h>

/* name: of the variable at that address of the process. Returns "name.member[2] (type)", text that the caller
 * frees; NULL when there is no debug information of it. */
char *member_text(Dwfl_Module *module, uint64_t variable, const char *name, uint64_t offset);

#endif
