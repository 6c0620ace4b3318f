/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the PCI bus share with each other and with nobody else. Section numbers are those of the
 * PCI Local Bus Specification 3.0.
 */
#ifndef HARNESS_MACHINE_PCI_PRIVATE_H
#define HARNESS_MACHINE_PCI_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "harness/machine/pci.h"

/* Offsets in configuration space that more than one file knows (6.1, figure 6-1; 6.7). */
enum { PCI_CONFIG_COMMAND = 0x04, PCI_CAPABILITY_BODY = 2 };

#define PCI_COMMAND_INTERRUPT_DISABLE 0x0400u

#define PCI_DMA_NAME_OCTETS 48

/* What a function writes to interrupt the processor for one vector: an entry of the MSI-X table (6.8.2.6 to
 * 6.8.2.9), or the same made of the MSI capability. */
struct pci_message {
    uint64_t address;
    uint32_t data;
    bool masked;
};

struct pci_function {
    unsigned device_number;
    unsigned function_number;
    struct pci_function_description description;
    char dma_name[PCI_DMA_NAME_OCTETS]; /* names the place too: there may be several of a kind */
    struct dma_device *dma;
    unsigned irq_source;

    /* With the bus's lock held: */
    uint8_t config[PCI_CONFIG_BYTES];
    uint8_t writable[PCI_CONFIG_BYTES]; /* bits that software may change */
    unsigned last_pointer;              /* where the next capability's offset goes; 0: there is none yet */
    unsigned capabilities_end;          /* the first byte behind the capability added last */
    struct pci_message table[PCI_VECTORS_MAX]; /* MSI-X */
    uint32_t pending;                          /* a bit a vector, MSI or MSI-X */

    /* Constant after power-on: */
    unsigned msi; /* offset of the capability, 0: it has none */
    unsigned msix;
    struct pci_msix_layout msix_layout;

    atomic_bool unplugged;

    /* What config says, for those who do not take the lock. */
    _Atomic uint32_t command;
    _Atomic uint64_t bases[PCI_BARS];
    _Atomic enum pci_interrupts interrupts;
};

/* pci.c: the bus's lock. The IOMMU's and the interrupt controller's come after it. */
extern pthread_mutex_t pci_lock;

/* pci.c: bytes of configuration space, least significant first. */
uint32_t pci_get_bytes(const uint8_t *bytes, unsigned size);
void pci_put_bytes(uint8_t *bytes, unsigned size, uint32_t value);

/* pci_message.c: do what configuration space, just written, says of interrupts. Called with the lock held. */
void pci_apply_interrupts(struct pci_function *function);

/* pci_message.c: whether a byte of a BAR belongs to MSI-X's structures, and accesses there. */
bool pci_msix_covers(const struct pci_function *function, unsigned bar, uint32_t offset);
uint32_t pci_msix_read(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size);
void pci_msix_write(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size,
                    uint32_t value);

#endif
