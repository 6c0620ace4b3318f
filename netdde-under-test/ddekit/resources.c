/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit I/O ports and device memory, on the machine's accessors (as on the Hurd on the processor's, after
 * the kernel has given access).
 *
 * Left out: keeping several users of one range apart.
 */
#include <stdbool.h>
#include "harness/machine/io.h"
#include <ddekit/resources.h>

int ddekit_request_dma(int nr)
{
    (void)nr;
    return -1;
}

static bool are_ports(ddekit_addr_t start, ddekit_addr_t count)
{
    return count && start < MACHINE_IO_PORTS && count <= MACHINE_IO_PORTS - start;
}

int ddekit_request_io(ddekit_addr_t start, ddekit_addr_t count)
{
    return are_ports(start, count) ? 0 : -1;
}

int ddekit_release_io(ddekit_addr_t start, ddekit_addr_t count)
{
    return are_ports(start, count) ? 0 : -1;
}

int ddekit_request_mem(ddekit_addr_t start, ddekit_addr_t count, ddekit_addr_t *vaddr)
{
    volatile void *registers = machine_mmio_map(start, count);

    if (!registers)
        return -1;
    *vaddr = (ddekit_addr_t)registers;
    return 0;
}

int ddekit_release_mem(ddekit_addr_t start, ddekit_addr_t count)
{
    (void)start;
    (void)count;
    return 0;
}

unsigned char ddekit_inb(ddekit_addr_t port)
{
    return machine_in8((uint16_t)port);
}

unsigned short ddekit_inw(ddekit_addr_t port)
{
    return machine_in16((uint16_t)port);
}

unsigned int ddekit_inl(ddekit_addr_t port)
{
    return machine_in32((uint16_t)port);
}

void ddekit_outb(ddekit_addr_t port, unsigned char val)
{
    machine_out8((uint16_t)port, val);
}

void ddekit_outw(ddekit_addr_t port, unsigned short val)
{
    machine_out16((uint16_t)port, val);
}

void ddekit_outl(ddekit_addr_t port, unsigned int val)
{
    machine_out32((uint16_t)port, val);
}

unsigned char ddekit_mmio_readb(ddekit_addr_t addr)
{
    return machine_mmio_read8((const volatile void *)addr);
}

unsigned short ddekit_mmio_readw(ddekit_addr_t addr)
{
    return machine_mmio_read16((const volatile void *)addr);
}

unsigned int ddekit_mmio_readl(ddekit_addr_t addr)
{
    return machine_mmio_read32((const volatile void *)addr);
}

void ddekit_mmio_writeb(ddekit_addr_t addr, unsigned char val)
{
    machine_mmio_write8((volatile void *)addr, val);
}

void ddekit_mmio_writew(ddekit_addr_t addr, unsigned short val)
{
    machine_mmio_write16((volatile void *)addr, val);
}

void ddekit_mmio_writel(ddekit_addr_t addr, unsigned int val)
{
    machine_mmio_write32((volatile void *)addr, val);
}
