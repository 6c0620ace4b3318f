/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device registers, through DDEKit. See <linux/io.h>.
 *
 * An interrupt handler that does not end is a finding, as Linux's watchdog for hard lockups has it. That one
 * goes by time, which here passes or not as the schedule has it; this one counts what a handler reads.
 */
#include <ddekit/resources.h>

#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/kmemleak.h>
#include <linux/string.h>

#include "netdde-under-test/dde_linux/internal.h"

#define HARDIRQ_READS_MAX 50000 /* of one interrupt; some handlers fetch frames by reading them */

static void count_read(void)
{
    struct task_struct *task = current;

    if (task->hardirq && ++task->hardirq_reads == HARDIRQ_READS_MAX)
        linux_report("livelock", NULL, "an interrupt handler reads registers over and over and does not end");
}

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
    count_read();
    return ddekit_inb(port);
}

u16 inw(unsigned long port)
{
    count_read();
    return ddekit_inw(port);
}

u32 inl(unsigned long port)
{
    count_read();
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

#define STRING_ACCESS(letter, type)                                                                          \
    void ins##letter(unsigned long port, void *to, unsigned long count)                                      \
    {                                                                                                        \
        for (unsigned long i = 0; i < count; i++) {                                                          \
            type value = in##letter(port);                                                                   \
            memcpy((u8 *)to + i * sizeof(value), &value, sizeof(value));                                     \
        }                                                                                                    \
    }                                                                                                        \
    void outs##letter(unsigned long port, const void *from, unsigned long count)                             \
    {                                                                                                        \
        for (unsigned long i = 0; i < count; i++) {                                                          \
            type value;                                                                                      \
            memcpy(&value, (const u8 *)from + i * sizeof(value), sizeof(value));                             \
            out##letter(value, port);                                                                        \
        }                                                                                                    \
    }

STRING_ACCESS(w, u16)
STRING_ACCESS(l, u32)

u8 readb(const volatile void __iomem *addr)
{
    count_read();
    return ddekit_mmio_readb((ddekit_addr_t)addr);
}

u16 readw(const volatile void __iomem *addr)
{
    count_read();
    return ddekit_mmio_readw((ddekit_addr_t)addr);
}

u32 readl(const volatile void __iomem *addr)
{
    count_read();
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

void ioread16_rep(const void __iomem *addr, void *to, unsigned long count)
{
    for (u16 *word = to; count > 0; count--)
        *word++ = ioread16(addr);
}

void iowrite16_rep(void __iomem *addr, const void *from, unsigned long count)
{
    for (const u16 *word = from; count > 0; count--)
        iowrite16(*word++, addr);
}

void __iomem *ioremap(phys_addr_t offset, size_t size)
{
    ddekit_addr_t address;

    if (ddekit_request_mem(offset, size, &address) != 0)
        return NULL;
    kmemleak_alloc((const void *)address, size);
    return (void __iomem *)address;
}

void iounmap(volatile void __iomem *addr)
{
    kmemleak_free((const void *)addr);
    /* ddekit_release_mem wants the physical address, which Linux does not give; it would do nothing. */
}

struct resource ioport_resource = {.start = 0, .end = 0xffff, .name = "PCI IO", .flags = IORESOURCE_IO};

struct resource *request_region(resource_size_t start, resource_size_t n, const char *name __always_unused)
{
    return ddekit_request_io(start, n) == 0 ? &ioport_resource : NULL;
}

void release_region(resource_size_t start, resource_size_t n)
{
    ddekit_release_io(start, n);
}
