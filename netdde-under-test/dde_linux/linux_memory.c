/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel memory, see <linux/slab.h>, and pages, see <linux/mm.h>. */
#include <limits.h>

#include <ddekit/memory.h>
#include <ddekit/pgtab.h>

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

void *kmalloc(size_t size, gfp_t flags)
{
    void *memory = size <= UINT_MAX ? ddekit_simple_malloc((unsigned)size) : NULL;

    if (memory && (flags & __GFP_ZERO))
        memset(memory, 0, size);
    return memory;
}

void kfree(const void *memory)
{
    ddekit_simple_free((void *)(uintptr_t)memory);
}

char *kstrdup(const char *text, gfp_t flags)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size, flags);

    return copy ? memcpy(copy, text, size) : NULL;
}

struct page *alloc_page(gfp_t flags)
{
    struct page *page = kmalloc(sizeof(*page), flags);

    if (!page)
        return NULL;
    page->address = ddekit_large_malloc(PAGE_SIZE);
    if (!page->address) {
        kfree(page);
        return NULL;
    }
    atomic_set(&page->refcount, 1);
    return page;
}

void put_page(struct page *page)
{
    if (!atomic_dec_and_test(&page->refcount))
        return;
    ddekit_large_free(page->address);
    kfree(page);
}

phys_addr_t page_to_phys(const struct page *page)
{
    return ddekit_pgtab_get_physaddr(page->address);
}
