/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: the page table, that is which physical address stands behind a virtual one.
 *
 * It knows regions; ddekit/memory.h enters those that it hands out. Regions do not overlap.
 */
#ifndef DDEKIT_PGTAB_H
#define DDEKIT_PGTAB_H

#include <ddekit/types.h>

enum ddekit_pte_type {
    PTE_TYPE_OTHER = 0,  /* not in the table */
    PTE_TYPE_LARGE = 1,  /* from ddekit_large_malloc() */
    PTE_TYPE_UMA = 2,    /* from a slab */
    PTE_TYPE_CONTIG = 3, /* from ddekit_contig_malloc() */
};

void ddekit_pgtab_init(void);

/* Enters a region of so many pages, or bytes. */
void ddekit_pgtab_set_region(void *virtual, ddekit_addr_t physical, int pages, int type);
void ddekit_pgtab_set_region_with_size(void *virtual, ddekit_addr_t physical, int size, int type);

/* Removes the region that begins at this address; type is what it was entered with. */
void ddekit_pgtab_clear_region(void *virtual, int type);

/* The physical address of any byte in a region; 0 when it is in none. */
ddekit_addr_t ddekit_pgtab_get_physaddr(const void *virtual);

/* The other way round; 0 when no region has it. */
ddekit_addr_t ddekit_pgtab_get_virtaddr(ddekit_addr_t physical);

/* Type and size in bytes of the region around an address; PTE_TYPE_OTHER and 0 when there is none. */
int ddekit_pgtab_get_type(const void *virtual);
int ddekit_pgtab_get_size(const void *virtual);

#endif
