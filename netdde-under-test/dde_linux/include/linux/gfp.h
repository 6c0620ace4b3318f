/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/gfp.h>. The allocator never sleeps: the flags ask for zeroed memory or nothing, and say
 * whether Linux's might, of which might_sleep is told.
 */
#ifndef DDE_LINUX_GFP_H
#define DDE_LINUX_GFP_H

#include <linux/types.h>

#define __GFP_DMA 0x01u
#define __GFP_HIGHMEM 0x02u /* all memory has an address */
#define __GFP_HIGH 0x20u
#define __GFP_IO 0x40u
#define __GFP_FS 0x80u
#define __GFP_ZERO 0x100u
#define __GFP_DIRECT_RECLAIM 0x400u
#define __GFP_NOWARN 0x2000u
#define GFP_ATOMIC __GFP_HIGH
#define GFP_KERNEL (__GFP_DIRECT_RECLAIM | __GFP_IO | __GFP_FS)
#define gfpflags_allow_blocking(flags) (((flags)&__GFP_DIRECT_RECLAIM) != 0)
#define GFP_DMA __GFP_DMA

struct page;

/* 2 to the order pages in a row, with one reference, to be given back with put_page; NULL when there are
 * none. */
struct page *alloc_pages(gfp_t flags, unsigned int order);
#define alloc_page(flags) alloc_pages((flags), 0)
#define __free_pages(page, order) ((void)(order), put_page(page))
#define __free_page(page) put_page(page)

/* Whole pages without a struct page; NULL when there are none. */
void *alloc_pages_exact(size_t size, gfp_t flags);
void free_pages_exact(void *memory, size_t size);

#endif
