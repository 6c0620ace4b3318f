/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/dmapool.h>: blocks of coherent memory of one size. Each block is an allocation of its
 * own, so that an access beyond one does not end in its neighbour.
 */
#ifndef DDE_LINUX_DMAPOOL_H
#define DDE_LINUX_DMAPOOL_H

#include <linux/gfp.h>
#include <linux/types.h>

struct device;
struct dma_pool;

/*
 * size: of a block, in bytes. align: a power of two up to a page; 0 and 1 alike. boundary: a power of two
 * that blocks do not cross, at least a block and at most a page; 0 for none.
 *
 * Returns NULL when that cannot be had or there is no memory.
 */
struct dma_pool *dma_pool_create(const char *name, struct device *dev, size_t size, size_t align,
                                 size_t boundary);
/* All blocks have been given back: otherwise a finding "dma-fault". NULL is fine. */
void dma_pool_destroy(struct dma_pool *pool);

/* A zeroed block and its bus address, or NULL. */
void *dma_pool_zalloc(struct dma_pool *pool, gfp_t flags, dma_addr_t *handle);
#define dma_pool_alloc(pool, flags, handle) dma_pool_zalloc(pool, flags, handle)
void dma_pool_free(struct dma_pool *pool, void *block, dma_addr_t handle);

#endif
