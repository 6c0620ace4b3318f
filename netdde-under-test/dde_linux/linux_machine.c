/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the Linux environment meets the machine: registers (through DDEKit) and DMA (DDEKit has nothing for
 * an IOMMU, so this file, and no other here, uses the machine's own interface).
 *
 * See <linux/io.h> and <linux/dma-mapping.h>.
 */
#include <ddekit/memory.h>
#include <ddekit/resources.h>

#include <linux/dma-mapping.h>
#include <linux/io.h>

#include "harness/machine/dma.h"
#include "harness/machine/pci.h"
#include "netdde-under-test/dde_linux/internal.h"

#define BUS_ADDRESS_BITS 32

/* --- Registers ----------------------------------------------------------------------------------------- */

static bool is_port(const volatile void *cookie)
{
    return (unsigned long)cookie < IO_COOKIE_END;
}

static unsigned long port_of(const volatile void *cookie)
{
    return (unsigned long)cookie - IO_COOKIE_BASE;
}

u8 inb(unsigned long port)
{
    return ddekit_inb(port);
}

u16 inw(unsigned long port)
{
    return ddekit_inw(port);
}

u32 inl(unsigned long port)
{
    return ddekit_inl(port);
}

void outb(u8 value, unsigned long port)
{
    ddekit_outb(port, value);
}

void outw(u16 value, unsigned long port)
{
    ddekit_outw(port, value);
}

void outl(u32 value, unsigned long port)
{
    ddekit_outl(port, value);
}

u8 readb(const volatile void __iomem *addr)
{
    return ddekit_mmio_readb((ddekit_addr_t)addr);
}

u16 readw(const volatile void __iomem *addr)
{
    return ddekit_mmio_readw((ddekit_addr_t)addr);
}

u32 readl(const volatile void __iomem *addr)
{
    return ddekit_mmio_readl((ddekit_addr_t)addr);
}

void writeb(u8 value, volatile void __iomem *addr)
{
    ddekit_mmio_writeb((ddekit_addr_t)addr, value);
}

void writew(u16 value, volatile void __iomem *addr)
{
    ddekit_mmio_writew((ddekit_addr_t)addr, value);
}

void writel(u32 value, volatile void __iomem *addr)
{
    ddekit_mmio_writel((ddekit_addr_t)addr, value);
}

u8 ioread8(const void __iomem *addr)
{
    return is_port(addr) ? inb(port_of(addr)) : readb(addr);
}

u16 ioread16(const void __iomem *addr)
{
    return is_port(addr) ? inw(port_of(addr)) : readw(addr);
}

u32 ioread32(const void __iomem *addr)
{
    return is_port(addr) ? inl(port_of(addr)) : readl(addr);
}

void iowrite8(u8 value, void __iomem *addr)
{
    if (is_port(addr))
        outb(value, port_of(addr));
    else
        writeb(value, addr);
}

void iowrite16(u16 value, void __iomem *addr)
{
    if (is_port(addr))
        outw(value, port_of(addr));
    else
        writew(value, addr);
}

void iowrite32(u32 value, void __iomem *addr)
{
    if (is_port(addr))
        outl(value, port_of(addr));
    else
        writel(value, addr);
}

void memcpy_fromio(void *to, const volatile void __iomem *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((u8 *)to)[i] = readb((const volatile char *)from + i);
}

void memcpy_toio(volatile void __iomem *to, const void *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        writeb(((const u8 *)from)[i], (volatile char *)to + i);
}

void __iomem *ioremap(phys_addr_t offset, size_t size)
{
    ddekit_addr_t address;

    return ddekit_request_mem(offset, size, &address) == 0 ? (void __iomem *)address : NULL;
}

void iounmap(volatile void __iomem *addr __always_unused)
{
    /* ddekit_release_mem wants the physical address, which Linux does not give; it would do nothing. */
}

/* --- DMA ----------------------------------------------------------------------------------------------- */

void *machine_dma_domain(unsigned int bus, unsigned int slot, unsigned int func)
{
    struct pci_function *function = pci_function_find(bus, slot, func);

    return function ? pci_function_dma(function) : NULL;
}

void *dma_alloc_coherent(struct device *dev, size_t size, dma_addr_t *dma_handle, gfp_t gfp __always_unused)
{
    void *memory;
    u64 bus;

    if (!dev->dma_domain)
        return NULL;
    memory = ddekit_contig_malloc(size, 0, 0, 0, 0);
    if (!memory)
        return NULL;
    bus = iommu_map(dev->dma_domain, memory, size, IOMMU_BIDIRECTIONAL);
    if (bus == 0) {
        ddekit_contig_free(memory, size);
        return NULL;
    }
    *dma_handle = bus;
    return memory;
}

void dma_free_coherent(struct device *dev, size_t size, void *cpu_addr, dma_addr_t dma_handle)
{
    iommu_unmap(dev->dma_domain, dma_handle, size);
    ddekit_contig_free(cpu_addr, size);
}

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

dma_addr_t dma_map_single(struct device *dev, void *ptr, size_t size, enum dma_data_direction dir)
{
    u64 bus = dev->dma_domain ? iommu_map(dev->dma_domain, ptr, size, direction_of(dir)) : 0;

    return bus ? bus : DMA_MAPPING_ERROR;
}

void dma_unmap_single(struct device *dev, dma_addr_t addr, size_t size,
                      enum dma_data_direction dir __always_unused)
{
    iommu_unmap(dev->dma_domain, addr, size);
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
