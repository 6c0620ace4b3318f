/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/gfp.h>. The allocator never sleeps, so the flags only ask for zeroed memory or nothing.
 */
#ifndef DDE_LINUX_GFP_H
#define DDE_LINUX_GFP_H

#include <linux/types.h>

#define __GFP_DMA 0x01u
#define __GFP_HIGH 0x20u
#define __GFP_ZERO 0x100u
#define __GFP_NOWARN 0x2000u
#define GFP_ATOMIC __GFP_HIGH
#define GFP_KERNEL 0xc0u
#define GFP_DMA __GFP_DMA

struct page;

/* One page with one reference, to be given back with put_page; NULL when there is none. */
struct page *alloc_page(gfp_t flags);
#define __free_page(page) put_page(page)

#endif
