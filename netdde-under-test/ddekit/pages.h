/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contiguous pages that are entered in the page table; private to DDEKit.
 */
#ifndef DDEKIT_PAGES_H
#define DDEKIT_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* At least size bytes, cleared, with physical addresses in [low, high) and the first a multiple of alignment
 * (at least a page). Entered with that type. NULL when there are none. */
void *pages_allocate(size_t size, uintptr_t low, uintptr_t high, uintptr_t alignment, int type);

/* Gives back what pages_allocate() gave, with the same type. */
void pages_free(void *pages, int type);

#endif
