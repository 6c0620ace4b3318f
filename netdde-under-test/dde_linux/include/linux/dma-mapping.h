/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/dma-mapping.h>. Bus addresses come from the machine's IOMMU.
 *
 * The machine is coherent, so the sync calls move no data; they are checked. The checks are those of Linux's
 * own CONFIG_DMA_API_DEBUG: memory unmapped that is not mapped, or with another size, direction or function
 * than it was mapped with; memory synced that is not mapped, past its end, or against its direction; a
 * mapping used without a look at dma_mapping_error; mappings left behind by a driver that leaves its device.
 * And one that Linux has not: streaming memory that driver and device use in turn without the sync between,
 * see harness/machine/dma_views.h. Each is a finding "dma-fault" of the machine.
 *
 * Left out: scatter lists, attributes.
 */
#ifndef DDE_LINUX_DMA_MAPPING_H
#define DDE_LINUX_DMA_MAPPING_H

#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/gfp.h>
#include <linux/skbuff.h>

#define DMA_BIT_MASK(n) (((n) == 64) ? ~0ULL : ((1ULL << (n)) - 1))
#define DMA_MAPPING_ERROR (~(dma_addr_t)0)

/* Contiguous zeroed memory that both the device and the CPU may use at any time; NULL when there is none. */
void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp);
void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle);

/* Let the device have [ptr, ptr + size) until the unmap. Check the result with dma_mapping_error. */
dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir);
void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir);
dma_addr_t dma_map_page(struct device *dev, struct page *page, size_t offset, size_t size,
                        enum dma_data_direction dir);
void dma_unmap_page(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir);

/* 0, or -ENOMEM when there was no mapping left. */
int dma_mapping_error(struct device *dev, dma_addr_t addr);

/* The CPU is to look at what the device has written, or to change what it will read; the device is to have it
 * back. */
void dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir);
void dma_sync_single_for_device(struct device *dev, dma_addr_t addr, size_t size,
                                enum dma_data_direction dir);

/* attrs: none is known. */
#define dma_map_single_attrs(dev, ptr, size, dir, attrs) ((void)(attrs), dma_map_single(dev, ptr, size, dir))
#define dma_unmap_single_attrs(dev, addr, size, dir, attrs)                                                  \
    ((void)(attrs), dma_unmap_single(dev, addr, size, dir))
#define dma_sync_single_range_for_cpu(dev, addr, offset, size, dir)                                          \
    dma_sync_single_for_cpu(dev, (addr) + (offset), size, dir)
#define dma_sync_single_range_for_device(dev, addr, offset, size, dir)                                       \
    dma_sync_single_for_device(dev, (addr) + (offset), size, dir)

/* The sync calls are checked, so drivers are to make them. */
static inline bool dma_need_sync(struct device *dev __always_unused, dma_addr_t addr __always_unused)
{
    return true;
}

/* The longest mapping, in bytes: all that there is. */
static inline size_t dma_max_mapping_size(struct device *dev __always_unused)
{
    return SIZE_MAX;
}

static inline dma_addr_t skb_frag_dma_map(struct device *dev, const skb_frag_t *frag, size_t offset,
                                          size_t size, enum dma_data_direction dir)
{
    return dma_map_page(dev, frag->page, frag->offset + offset, size, dir);
}

/* 0, or -EIO when the device cannot do DMA or the mask is below 32 bits (bus addresses have 32). */
int dma_set_mask(struct device *dev, u64 mask);
int dma_set_coherent_mask(struct device *dev, u64 mask);
int dma_set_mask_and_coherent(struct device *dev, u64 mask);

#endif
