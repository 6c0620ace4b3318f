/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: memory.
 *
 * simple: ordinary memory. large and contig: whole pages, physically contiguous, known to the page table
 * (ddekit/pgtab.h), and therefore fit for DMA. Slabs: caches of objects of one size.
 */
#ifndef DDEKIT_MEMORY_H
#define DDEKIT_MEMORY_H

#include <ddekit/types.h>

#define DDEKIT_PAGE_SIZE 4096UL

/* Ordinary memory, aligned for any type, not cleared; NULL when there is none. free accepts NULL. */
void *ddekit_simple_malloc(unsigned size);
void ddekit_simple_free(void *p);

/* size bytes, rounded up to pages, cleared; NULL when there is none. free accepts NULL, else the start of a
 * piece. */
void *ddekit_large_malloc(int size);
void ddekit_large_free(void *p);

/* The same with conditions on the physical address: low <= start, end <= high (0: no condition), start a
 * multiple of alignment (0: pages; otherwise a power of two), and no multiple of boundary (0: no condition;
 * otherwise a power of two) strictly between start and end. NULL when the machine has no such memory. */
void *ddekit_contig_malloc(unsigned long size, unsigned long low, unsigned long high, unsigned long alignment,
                           unsigned long boundary);
void ddekit_contig_free(void *p, unsigned long size);

struct ddekit_slab;

/* A cache of objects of size bytes (aligned to 16 bytes; contiguous: from contiguous memory, and no object
 * that fits into a page crosses one). NULL when there is no memory. */
struct ddekit_slab *ddekit_slab_init(unsigned size, int contiguous);

/* Frees the cache with everything allocated from it. */
void ddekit_slab_destroy(struct ddekit_slab *slab);

/* One object, not cleared, NULL when there is no memory; free gives it back. Both may be called by any
 * thread. */
void *ddekit_slab_alloc(struct ddekit_slab *slab);
void ddekit_slab_free(struct ddekit_slab *slab, void *objp);

/* One pointer of the user's per cache. */
void ddekit_slab_set_data(struct ddekit_slab *slab, void *data);
void *ddekit_slab_get_data(struct ddekit_slab *slab);

/* Asks for a number of pages to be kept ready for slabs. Accepted and not needed here. */
void ddekit_slab_setup_page_cache(unsigned pages);

#endif
