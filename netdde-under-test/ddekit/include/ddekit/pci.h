/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: PCI. Configuration space is reached by mechanism #1 (PCI Local Bus Specification 3.0,
 * section 3.2.2.3.2), I/O ports 0xCF8 and 0xCFC.
 *
 * Left out: PCI Express extended configuration space, BARs of 4 GiB and more, MSI.
 */
#ifndef DDEKIT_PCI_H
#define DDEKIT_PCI_H

#include <ddekit/types.h>

#define DDEKIT_PCI_ANY_ID (-1)
#define DDEKIT_PCI_RESOURCES 6    /* base address registers of a function */
#define DDEKIT_PCI_MAX_DEVICES 32 /* functions that are kept; further ones are reported and left out */

struct ddekit_pci_dev;

enum ddekit_pci_res_type {
    DDEKIT_PCI_RES_NONE = 0, /* register not implemented */
    DDEKIT_PCI_RES_MEM = 1,
    DDEKIT_PCI_RES_IO = 2,
};

typedef struct ddekit_pci_res {
    ddekit_addr_t start; /* physical address or first port */
    ddekit_addr_t size;  /* bytes or ports */
    int type;            /* enum ddekit_pci_res_type */
    int prefetchable;    /* memory without side effects of reads */
    int wide;            /* a 64-bit register: the next one is its upper half, and has no resource */
} ddekit_pci_res_t;

/* Looks for all functions, once. */
void ddekit_pci_init(void);

/* The place of function number nr, counted from 0 in the order of the bus. Returns 0, or -1 when there are
 * fewer. */
int ddekit_pci_get_device(int nr, int *bus, int *slot, int *func);

/* The first function after start (NULL: from the first on) at that place; each of *bus, *slot, *func is a
 * number or DDEKIT_PCI_ANY_ID, and is set to the place that was found. NULL when there is none. The result is
 * DDEKit's. */
struct ddekit_pci_dev *ddekit_pci_find_device(int *bus, int *slot, int *func, struct ddekit_pci_dev *start);

/* Configuration space at offset pos (0 to 255, a multiple of the access size). Return 0, or -1 for a bad
 * offset. A function that does not exist reads as all ones. */
int ddekit_pci_readb(int bus, int slot, int func, int pos, ddekit_uint8_t *val);
int ddekit_pci_readw(int bus, int slot, int func, int pos, ddekit_uint16_t *val);
int ddekit_pci_readl(int bus, int slot, int func, int pos, ddekit_uint32_t *val);
int ddekit_pci_writeb(int bus, int slot, int func, int pos, ddekit_uint8_t val);
int ddekit_pci_writew(int bus, int slot, int func, int pos, ddekit_uint16_t val);
int ddekit_pci_writel(int bus, int slot, int func, int pos, ddekit_uint32_t val);

/* What the function says of itself. The name is "BB:SS.F". */
unsigned short ddekit_pci_get_vendor(struct ddekit_pci_dev *dev);
unsigned short ddekit_pci_get_device_id(struct ddekit_pci_dev *dev);
unsigned short ddekit_pci_get_sub_vendor(struct ddekit_pci_dev *dev);
unsigned short ddekit_pci_get_sub_device(struct ddekit_pci_dev *dev);
unsigned ddekit_pci_get_dev_class(struct ddekit_pci_dev *dev); /* 24 bits: class, subclass, interface */
unsigned long ddekit_pci_get_irq(struct ddekit_pci_dev *dev);  /* interrupt line */
char *ddekit_pci_get_name(struct ddekit_pci_dev *dev);

/* Base address register idx; NULL for idx outside 0 to 5. */
ddekit_pci_res_t *ddekit_pci_get_resource(struct ddekit_pci_dev *dev, unsigned idx);

/* Command register: I/O and memory decoding on or off, bus mastering on. Return 0. */
int ddekit_pci_enable_device(struct ddekit_pci_dev *dev);
int ddekit_pci_disable_device(struct ddekit_pci_dev *dev);
void ddekit_pci_set_master(struct ddekit_pci_dev *dev);

/* The line (*irq) of an interrupt pin (1 to 4). Returns 0, or -1 when the function does not use that pin. */
int ddekit_pci_irq_enable(int bus, int slot, int func, int pin, int *irq);

#endif
