/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DMA, see <linux/dma-mapping.h>. DDEKit has nothing for an IOMMU, so this file, and no other here, uses the
 * machine's own interface to it.
 */
#include <stdio.h>

#include <ddekit/memory.h>

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/pci.h>

#include "harness/machine/dma.h"
#include "harness/machine/pci.h"
#include "netdde-under-test/dde_linux/internal.h"

#define BUS_ADDRESS_BITS 32
#define MISUSE_TEXT_MAX 160

/* What a mapping is for, as reports call it. */
static const char use_coherent[] = "coherent memory";
static const char use_single[] = "a single piece";
static const char use_page[] = "a page";

void *machine_dma_domain(unsigned int bus, unsigned int slot, unsigned int func)
{
    struct pci_function *function = pci_function_find(bus, slot, func);

    return function ? pci_function_dma(function) : NULL;
}

/* --- Coherent memory ----------------------------------------------------------------------------------- */

void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp)
{
    void *memory;
    u64 bus;

    might_sleep_if(gfpflags_allow_blocking(gfp));
    if (!dev->dma_domain)
        return NULL;
    memory = ddekit_contig_malloc(size, 0, 0, 0, 0);
    if (!memory)
        return NULL;
    bus = iommu_map_for(dev->dma_domain, memory, size, IOMMU_BIDIRECTIONAL, use_coherent);
    if (bus == 0) {
        ddekit_contig_free(memory, size);
        return NULL;
    }
    *dma_handle = bus;
    return memory;
}

static void free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle)
{
    iommu_unmap_for(dev->dma_domain, dma_handle, size, IOMMU_BIDIRECTIONAL, use_coherent);
    ddekit_contig_free(cpu_addr, size);
}

void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle)
{
    WARN_ON(irqs_disabled());
    free_coherent(dev, size, cpu_addr, dma_handle);
}

/* --- Pools --------------------------------------------------------------------------------------------- */

struct dma_pool {
    const char *name;
    struct device *dev;
    size_t size;
    atomic_t blocks; /* given out */
};

struct dma_pool *dma_pool_create(const char *name, struct device *dev, size_t size, size_t align,
                                 size_t boundary)
{
    struct dma_pool *pool;

    /* Memory begins at pages, so a block meets no boundary before it has been filled. */
    if (!size || align > PAGE_SIZE || (boundary && (boundary < size || boundary > PAGE_SIZE)))
        return NULL;
    pool = kzalloc(sizeof(*pool), GFP_KERNEL);
    if (!pool)
        return NULL;
    pool->name = name;
    pool->dev = dev;
    pool->size = size;
    return pool;
}

void dma_pool_destroy(struct dma_pool *pool)
{
    char text[MISUSE_TEXT_MAX];

    if (!pool)
        return;
    if (atomic_read(&pool->blocks)) {
        snprintf(text, sizeof(text), "driver %s destroys pool %s, of which %d blocks are in use",
                 dev_driver_string(pool->dev), pool->name, atomic_read(&pool->blocks));
        iommu_report_left(pool->dev->dma_domain, text);
    }
    kfree(pool);
}

void *dma_pool_zalloc(struct dma_pool *pool, gfp_t flags, dma_addr_t *handle)
{
    void *block = dma_alloc_coherent(pool->dev, pool->size, handle, flags);

    if (block)
        atomic_inc(&pool->blocks);
    return block;
}

void dma_pool_free(struct dma_pool *pool, void *block, dma_addr_t handle)
{
    free_coherent(pool->dev, pool->size, block, handle); /* in any context */
    atomic_dec(&pool->blocks);
}

/* --- Streaming ----------------------------------------------------------------------------------------- */

static enum iommu_direction direction_of(enum dma_data_direction dir)
{
    switch (dir) {
    case DMA_TO_DEVICE:
        return IOMMU_TO_DEVICE;
    case DMA_FROM_DEVICE:
        return IOMMU_FROM_DEVICE;
    default:
        return IOMMU_BIDIRECTIONAL;
    }
}

/* Linux's stacks may have no physical address, and what lies there is gone when the function returns. */
static void report_stack(struct device *dev, u64 bus, size_t size)
{
    char text[MISUSE_TEXT_MAX];

    snprintf(text, sizeof(text), "driver %s maps %zu bytes on the stack of %s", dev_driver_string(dev), size,
             current->comm);
    iommu_report_misuse(dev->dma_domain, bus, text);
}

static dma_addr_t map(struct device *dev, void *memory, size_t size, enum dma_data_direction dir,
                      const char *use)
{
    u64 bus = 0;

    if (dev->dma_domain)
        bus = iommu_map_streaming(dev->dma_domain, memory, size, direction_of(dir), use);
    if (!bus)
        return DMA_MAPPING_ERROR;
    if (task_stack_has(memory))
        report_stack(dev, bus, size);
    return bus;
}

dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir)
{
    return map(dev, ptr, size, dir, use_single);
}

void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
    iommu_unmap_for(dev->dma_domain, addr, size, direction_of(dir), use_single);
}

dma_addr_t dma_map_page(struct device *dev, struct page *page, size_t offset, size_t size,
                        enum dma_data_direction dir)
{
    return map(dev, (char *)page_address(page) + offset, size, dir, use_page);
}

void dma_unmap_page(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
    iommu_unmap_for(dev->dma_domain, addr, size, direction_of(dir), use_page);
}

int dma_mapping_error(struct device *dev, dma_addr_t addr)
{
    if (addr == DMA_MAPPING_ERROR)
        return -ENOMEM;
    if (dev->dma_domain)
        iommu_note_checked(dev->dma_domain, addr);
    return 0;
}

void dma_sync_single_for_cpu(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
    iommu_sync_for_cpu(dev->dma_domain, addr, size, direction_of(dir));
}

void dma_sync_single_for_device(struct device *dev, dma_addr_t addr, size_t size, enum dma_data_direction dir)
{
    iommu_sync_for_device(dev->dma_domain, addr, size, direction_of(dir));
}

void dma_check_freed(const void *memory, size_t size)
{
    iommu_check_freed(memory, size);
}

/* --- Devices ------------------------------------------------------------------------------------------- */

void dma_check_released(struct device *dev, const char *driver)
{
    unsigned int left = dev->dma_domain ? dma_mapping_count(dev->dma_domain) : 0;
    char text[MISUSE_TEXT_MAX];

    if (!left)
        return;
    snprintf(text, sizeof(text), "driver %s has left device %s, which still has %u of its mappings", driver,
             dev_name(dev), left);
    iommu_report_left(dev->dma_domain, text);
}

int dma_set_mask(struct device *dev, u64 mask)
{
    if (!dev->dma_mask || mask < DMA_BIT_MASK(BUS_ADDRESS_BITS))
        return -EIO;
    *dev->dma_mask = mask;
    return 0;
}

int dma_set_coherent_mask(struct device *dev, u64 mask)
{
    if (mask < DMA_BIT_MASK(BUS_ADDRESS_BITS))
        return -EIO;
    dev->coherent_dma_mask = mask;
    return 0;
}

int dma_set_mask_and_coherent(struct device *dev, u64 mask)
{
    int rc = dma_set_mask(dev, mask);

    return rc ? rc : dma_set_coherent_mask(dev, mask);
}
