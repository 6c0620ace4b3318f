/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pieces of pages for frames, see netdev_alloc_frag and skb_page_frag_refill in <linux/skbuff.h>. They are
 * cut one behind the other, each with a reference to the page, so that it is freed with its last piece.
 * Drivers give pieces back by an address inside of them.
 *
 * Linux cuts from a page per CPU. Here each thread has one of its own, which is what its threads take a CPU
 * for.
 */
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/skbuff.h>

#include "netdde-under-test/dde_linux/internal.h"

#define FRAG_PAGE_ORDER 3 /* 32 KiB */

/* From here on the page is kept by its pieces alone, and must go with them. */
static void leave_page(struct page_frag *frag)
{
    if (!frag->page)
        return;
    kmemleak_alloc(frag->page, sizeof(*frag->page));
    put_page(frag->page);
    frag->page = NULL;
}

bool skb_page_frag_refill(unsigned int size, struct page_frag *frag, gfp_t gfp)
{
    if (frag->page && size <= frag->size - frag->offset)
        return true;
    leave_page(frag);
    frag->page = alloc_pages(gfp, FRAG_PAGE_ORDER);
    kmemleak_not_leak(frag->page);
    frag->offset = 0;
    frag->size = PAGE_SIZE << FRAG_PAGE_ORDER;
    return frag->page && size <= frag->size;
}

void *netdev_alloc_frag(unsigned int size)
{
    struct page_frag *frag = &current->frag;
    unsigned int length = (unsigned int)SKB_DATA_ALIGN((size_t)size);
    void *piece;

    BUG_ON(length > PAGE_SIZE);
    if (!skb_page_frag_refill(length, frag, GFP_ATOMIC))
        return NULL;
    piece = (char *)page_address(frag->page) + frag->offset;
    get_page(frag->page);
    frag->offset += length;
    return piece;
}

void skb_free_frag(void *memory)
{
    put_page(virt_to_head_page(memory));
}

void frag_release(struct task_struct *task)
{
    leave_page(&task->frag);
}
