/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages, see <linux/mm.h>.
 *
 * Linux finds the struct page of an address by arithmetic, in a map of all memory. Here memory lies anywhere.
 * A table of three levels leads from the number of a page to its record; whoever reads it takes no lock, and
 * its parts are never given back.
 */
#include <ddekit/memory.h>
#include <ddekit/pgtab.h>

#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "netdde-under-test/dde_linux/internal.h"

#define LEVEL_BITS 12 /* 47 bits of address, less those within a page, in three parts; the first has 11 */
#define LEVEL_ENTRIES (1UL << LEVEL_BITS)

struct level {
    void *entries[LEVEL_ENTRIES];
};

static struct level top; /* there is one address space */

/* The entry for the level below; made when it is not there and `make` is set. NULL when it is not there. */
static struct level *below(struct level *level, unsigned long index, bool make)
{
    void **entry = &level->entries[index & (LEVEL_ENTRIES - 1)];
    void *found = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
    struct level *made;

    if (found || !make)
        return found;
    made = kzalloc(sizeof(*made), GFP_ATOMIC);
    kmemleak_not_leak(made);
    if (!made || __atomic_compare_exchange_n(entry, &found, made, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return made;
    kfree(made); /* somebody else was faster */
    return found;
}

static void **entry_of(const void *address, bool make)
{
    unsigned long number = (unsigned long)address >> PAGE_SHIFT;
    struct level *middle = below(&top, number >> 2 * LEVEL_BITS, make);
    struct level *last = middle ? below(middle, number >> LEVEL_BITS, make) : NULL;

    return last ? &last->entries[number & (LEVEL_ENTRIES - 1)] : NULL;
}

struct page *virt_to_head_page(const void *address)
{
    void **entry = entry_of(address, false);

    return entry ? __atomic_load_n(entry, __ATOMIC_ACQUIRE) : NULL;
}

/* Enter all its pages as `as`, which is the page or NULL. Returns whether there was memory for it. */
static bool enter(const struct page *page, struct page *as)
{
    for (unsigned long i = 0; i < 1UL << page->order; i++) {
        void **entry = entry_of((char *)page->address + i * PAGE_SIZE, true);

        if (!entry)
            return false;
        __atomic_store_n(entry, as, __ATOMIC_RELEASE);
    }
    return true;
}

static void free_page_record(struct page *page)
{
    ddekit_large_free(page->address);
    kfree(page);
}

struct page *alloc_pages(gfp_t flags, unsigned int order)
{
    struct page *page = kzalloc(sizeof(*page), flags);

    if (!page)
        return NULL;
    page->order = order;
    page->address = ddekit_large_malloc((int)(PAGE_SIZE << order));
    if (!page->address || !enter(page, page)) {
        free_page_record(page);
        return NULL;
    }
    atomic_set(&page->refcount, 1);
    return page;
}

void put_page(struct page *page)
{
    if (!atomic_dec_and_test(&page->refcount))
        return;
    enter(page, NULL);
    dma_check_freed(page->address, PAGE_SIZE << page->order);
    free_page_record(page);
}

void *alloc_pages_exact(size_t size, gfp_t flags __always_unused)
{
    void *memory = size <= INT_MAX ? ddekit_large_malloc((int)size) : NULL;

    kmemleak_alloc(memory, size);
    return memory;
}

void free_pages_exact(void *memory, size_t size)
{
    kmemleak_free(memory);
    dma_check_freed(memory, size);
    ddekit_large_free(memory);
}

phys_addr_t virt_to_phys(const volatile void *address)
{
    return ddekit_pgtab_get_physaddr((const void *)(uintptr_t)address);
}

phys_addr_t page_to_phys(const struct page *page)
{
    return virt_to_phys(page->address);
}
