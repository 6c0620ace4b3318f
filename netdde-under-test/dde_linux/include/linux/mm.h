/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/mm.h>: pages for device buffers. A struct page stands for one page of contiguous memory;
 * other memory has none.
 */
#ifndef DDE_LINUX_MM_H
#define DDE_LINUX_MM_H

#include <linux/gfp.h>
#include <linux/kernel.h>

#undef PAGE_SHIFT
#undef PAGE_SIZE
#undef PAGE_MASK
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)

/* One page, or several in a row (order > 0: 2 to the order of them), of which this is the first. */
struct page {
    atomic_t refcount;
    unsigned int order;
    void *address;
    unsigned long private; /* belongs to who has the page */
};

/* A place in a page, where the next piece is cut from. */
struct page_frag {
    struct page *page;
    u32 offset;
    u32 size; /* of all of it */
};

static inline void *page_address(const struct page *page)
{
    return page->address;
}

static inline void get_page(struct page *page)
{
    atomic_inc(&page->refcount);
}

/* The last reference frees it. */
void put_page(struct page *page);
/* The page that an address of it, any one, belongs to; NULL for other memory. Takes no lock. */
struct page *virt_to_head_page(const void *address);
phys_addr_t page_to_phys(const struct page *page);
/* 0 for memory that is not contiguous. */
phys_addr_t virt_to_phys(const volatile void *address);

/* Memory at a fixed physical address, which no device of this machine has. */
#define phys_to_virt(address) ((void *)(uintptr_t)(address))

#endif
