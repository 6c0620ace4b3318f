/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/io.h>: device registers. A cookie of ioremap or pci_iomap names registers and is no
 * memory; cookies below IO_COOKIE_END stand for I/O ports, as in Linux's generic iomap.
 */
#ifndef DDE_LINUX_IO_H
#define DDE_LINUX_IO_H

#include <linux/compiler.h>
#include <linux/types.h>

#define IO_COOKIE_BASE 0x10000UL
#define IO_COOKIE_END 0x20000UL

u8 ioread8(const void __iomem *addr);
u16 ioread16(const void __iomem *addr);
u32 ioread32(const void __iomem *addr);
void iowrite8(u8 value, void __iomem *addr);
void iowrite16(u16 value, void __iomem *addr);
void iowrite32(u32 value, void __iomem *addr);

/* Memory-mapped registers only. */
u8 readb(const volatile void __iomem *addr);
u16 readw(const volatile void __iomem *addr);
u32 readl(const volatile void __iomem *addr);
void writeb(u8 value, volatile void __iomem *addr);
void writew(u16 value, volatile void __iomem *addr);
void writel(u32 value, volatile void __iomem *addr);
void memcpy_fromio(void *to, const volatile void __iomem *from, size_t count);
void memcpy_toio(volatile void __iomem *to, const void *from, size_t count);

u8 inb(unsigned long port);
u16 inw(unsigned long port);
u32 inl(unsigned long port);
void outb(u8 value, unsigned long port);
void outw(u16 value, unsigned long port);
void outl(u32 value, unsigned long port);

/* count times at one port, or register. */
void insw(unsigned long port, void *to, unsigned long count);
void insl(unsigned long port, void *to, unsigned long count);
void outsw(unsigned long port, const void *from, unsigned long count);
void outsl(unsigned long port, const void *from, unsigned long count);
void ioread16_rep(const void __iomem *addr, void *to, unsigned long count);
void iowrite16_rep(void __iomem *addr, const void *from, unsigned long count);

/* NULL when no device answers there. */
void __iomem *ioremap(phys_addr_t offset, size_t size);
void iounmap(volatile void __iomem *addr);

#endif
