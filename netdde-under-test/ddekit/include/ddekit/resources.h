/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: I/O ports and device memory.
 */
#ifndef DDEKIT_RESOURCES_H
#define DDEKIT_RESOURCES_H

#include <ddekit/types.h>

/* Asks for ISA DMA channel nr. There are none: always -1. */
int ddekit_request_dma(int nr);

/* Asks for the ports start to start + count - 1. Returns 0, or -1 when they are not ports (0 to 65535). */
int ddekit_request_io(ddekit_addr_t start, ddekit_addr_t count);
int ddekit_release_io(ddekit_addr_t start, ddekit_addr_t count);

/* Makes count bytes of device memory from physical address start accessible, and stores in *vaddr the address
 * to use for them (with accessors for device memory, never directly). Returns 0, or -1 when no device is
 * there. */
int ddekit_request_mem(ddekit_addr_t start, ddekit_addr_t count, ddekit_addr_t *vaddr);
int ddekit_release_mem(ddekit_addr_t start, ddekit_addr_t count);

/* Port I/O; 8, 16 and 32 bits. */
unsigned char ddekit_inb(ddekit_addr_t port);
unsigned short ddekit_inw(ddekit_addr_t port);
unsigned int ddekit_inl(ddekit_addr_t port);
void ddekit_outb(ddekit_addr_t port, unsigned char val);
void ddekit_outw(ddekit_addr_t port, unsigned short val);
void ddekit_outl(ddekit_addr_t port, unsigned int val);

/* Device memory: addr is an address inside what ddekit_request_mem() gave. */
unsigned char ddekit_mmio_readb(ddekit_addr_t addr);
unsigned short ddekit_mmio_readw(ddekit_addr_t addr);
unsigned int ddekit_mmio_readl(ddekit_addr_t addr);
void ddekit_mmio_writeb(ddekit_addr_t addr, unsigned char val);
void ddekit_mmio_writew(ddekit_addr_t addr, unsigned short val);
void ddekit_mmio_writel(ddekit_addr_t addr, unsigned int val);

#endif
