/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/dma-mapping.h>. Bus addresses come from the machine's IOMMU; the machine is coherent, so
 * the sync calls have nothing to do. Left out: pages and scatter lists.
 */
#ifndef DDE_LINUX_DMA_MAPPING_H
#define DDE_LINUX_DMA_MAPPING_H

#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/gfp.h>

#define DMA_BIT_MASK(n) (((n) == 64) ? ~0ULL : ((1ULL << (n)) - 1))
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

/* Contiguous zeroed memory that both the device and the CPU may use at any time; NULL when there is none. */
void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp);
void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle);

/* Let the device have [ptr, ptr + size) until the unmap. Check the result with dma_mapping_error. */
dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir);
void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir);

static inline int dma_mapping_error(struct device *dev __always_unused, dma_addr_t addr)
{
    return addr == DMA_MAPPING_ERROR ? -ENOMEM : 0;
}

#define dma_sync_single_for_cpu(dev, addr, size, dir) ((void)(dev), (void)(addr), (void)(size), (void)(dir))
#define dma_sync_single_for_device(dev, addr, size, dir)                                                     \
    ((void)(dev), (void)(addr), (void)(size), (void)(dir))

/* 0, or -EIO when the device cannot do DMA or the mask is below 32 bits (bus addresses have 32). */
int dma_set_mask(struct device *dev, u64 mask);
int dma_set_coherent_mask(struct device *dev, u64 mask);
int dma_set_mask_and_coherent(struct device *dev, u64 mask);

#endif
