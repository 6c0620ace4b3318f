/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit memory but for slabs: ordinary memory from the C library, contiguous pages from Mach.
 */
#include <stdlib.h>
#include <hurd.h>
#include <mach.h>
#include <ddekit/assert.h>
#include <ddekit/memory.h>
#include <ddekit/pgtab.h>
#include "pages.h"

#define ANY_ADDRESS UINTPTR_MAX

void *pages_allocate(size_t size, uintptr_t low, uintptr_t high, uintptr_t alignment, int type)
{
    size_t whole = (size + DDEKIT_PAGE_SIZE - 1) & ~(size_t)(DDEKIT_PAGE_SIZE - 1);
    vm_address_t virtual, physical;
    mach_port_t host;

    if (!size || whole > INT32_MAX || get_privileged_ports(&host, NULL))
        return NULL;
    if (vm_allocate_contiguous(host, mach_task_self(), &virtual, &physical, whole, low, high, alignment))
        return NULL;
    ddekit_pgtab_set_region_with_size((void *)virtual, physical, (int)whole, type);
    return (void *)virtual;
}

void pages_free(void *pages, int type)
{
    vm_size_t size = (vm_size_t)ddekit_pgtab_get_size(pages);

    /* In this order: the memory may be somebody else's as soon as it is given back. */
    ddekit_pgtab_clear_region(pages, type);
    vm_deallocate(mach_task_self(), (vm_address_t)pages, size);
}

void *ddekit_simple_malloc(unsigned size)
{
    return malloc(size);
}

void ddekit_simple_free(void *p)
{
    free(p);
}

void *ddekit_large_malloc(int size)
{
    return size > 0 ? pages_allocate((size_t)size, 0, ANY_ADDRESS, DDEKIT_PAGE_SIZE, PTE_TYPE_LARGE) : NULL;
}

void ddekit_large_free(void *p)
{
    if (p)
        pages_free(p, PTE_TYPE_LARGE);
}

void *ddekit_contig_malloc(unsigned long size, unsigned long low, unsigned long high, unsigned long alignment,
                           unsigned long boundary)
{
    unsigned long least = DDEKIT_PAGE_SIZE;

    ddekit_assert((alignment & (alignment - 1)) == 0 && (boundary & (boundary - 1)) == 0);
    if (boundary && size > boundary)
        return NULL;
    /* Mach knows no boundaries; but no piece crosses one that begins at a multiple of its size rounded up to
     * a power of two. */
    while (boundary && least < size)
        least *= 2;
    if (least < alignment)
        least = alignment;
    return pages_allocate(size, low, high ? high : ANY_ADDRESS, least, PTE_TYPE_CONTIG);
}

void ddekit_contig_free(void *p, unsigned long size)
{
    (void)size; /* the page table knows */
    if (p)
        pages_free(p, PTE_TYPE_CONTIG);
}
