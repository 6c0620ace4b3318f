/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/scatterlist.h>: lists of pieces of memory, as arrays.
 *
 * Memory that was not allocated as pages has no struct page here. A piece of such memory carries one of its
 * own, which is good for as long as the list: for the DMA API that suffices.
 *
 * Left out: chains of arrays.
 */
#ifndef DDE_LINUX_SCATTERLIST_H
#define DDE_LINUX_SCATTERLIST_H

#include <linux/mm.h>
#include <linux/string.h>

struct scatterlist {
    struct page *page; /* NULL: own */
    struct page own;
    unsigned int offset, length;
    bool last;
    dma_addr_t dma_address; /* for who maps the list beforehand */
};

#define sg_dma_address(sg) ((sg)->dma_address)

static inline struct page *sg_page(struct scatterlist *sg)
{
    return sg->page ? sg->page : &sg->own;
}

static inline void *sg_virt(struct scatterlist *sg)
{
    return (char *)page_address(sg_page(sg)) + sg->offset;
}

static inline phys_addr_t sg_phys(struct scatterlist *sg)
{
    return virt_to_phys(sg_virt(sg));
}

static inline void sg_set_page(struct scatterlist *sg, struct page *page, unsigned int length,
                               unsigned int offset)
{
    sg->page = page;
    sg->offset = offset;
    sg->length = length;
}

static inline void sg_set_buf(struct scatterlist *sg, const void *memory, unsigned int length)
{
    sg->own.address = (void *)((uintptr_t)memory & PAGE_MASK);
    sg_set_page(sg, NULL, length, (unsigned int)((uintptr_t)memory & ~PAGE_MASK));
}

static inline void sg_mark_end(struct scatterlist *sg)
{
    sg->last = true;
}

static inline void sg_unmark_end(struct scatterlist *sg)
{
    sg->last = false;
}

static inline void sg_init_table(struct scatterlist *sg, unsigned int count)
{
    memset(sg, 0, sizeof(*sg) * count);
    sg_mark_end(&sg[count - 1]);
}

static inline void sg_init_one(struct scatterlist *sg, const void *memory, unsigned int length)
{
    sg_init_table(sg, 1);
    sg_set_buf(sg, memory, length);
}

static inline struct scatterlist *sg_next(struct scatterlist *sg)
{
    return sg->last ? NULL : sg + 1;
}

#endif
