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
enum { PCI_CONFIG_COMMAND = 0x04, PCI_CONFIG_HEADER_TYPE = 0x0e, PCI_CAPABILITY_BODY = 2 };

#define PCI_COMMAND_INTERRUPT_DISABLE 0x0400u

#define PCI_NAME_OCTETS 48

/* What a function writes to interrupt the processor for one vector: an entry of the MSI-X table (6.8.2.6 to
 * 6.8.2.9), or the same made of the MSI capability. */
struct pci_message {
    uint64_t address;
    uint32_t data;
    bool masked;
};

/* What a bridge forwards: [base, limit], nothing when limit is below base. */
enum pci_window { PCI_WINDOW_IO, PCI_WINDOW_MEMORY, PCI_WINDOW_PREFETCHABLE, PCI_WINDOWS };
struct pci_range {
    _Atomic uint64_t base, limit;
};

/* pci_bridge.c: what firmware has for each bus, in bytes, and where that begins. */
extern const uint64_t pci_firmware_bytes[PCI_WINDOWS];
uint64_t pci_firmware_base(unsigned bus, enum pci_window window);

struct pci_function {
    struct pci_function *upstream; /* the bridge that leads to its bus; NULL on bus 0 */
    unsigned device_number;
    unsigned function_number;
    struct pci_function_description description;
    char name[PCI_NAME_OCTETS]; /* names the place too: there may be several of a kind */
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
    bool is_bridge;
    unsigned advanced; /* offset of the capability, 0: it has none; so the next two */
    unsigned msi;
    unsigned msix;
    struct pci_msix_layout msix_layout;

    atomic_bool unplugged;

    /* What config says, for those who do not take the lock. */
    _Atomic uint32_t command;
    _Atomic uint64_t bases[PCI_BARS];
    _Atomic enum pci_interrupts interrupts;
    atomic_bool master; /* may reach memory: so it says, and all bridges above */

    /* Of a bridge: */
    atomic_uint secondary, subordinate; /* the bus behind it, and the last one behind that */
    atomic_bool in_reset;               /* all behind it */
    struct pci_range windows[PCI_WINDOWS];
};

/* What the machine has. Those below `count` are complete. */
extern struct pci_function pci_functions[PCI_FUNCTIONS_MAX];
extern atomic_uint pci_function_count;

/* pci.c: the bus's lock. The IOMMU's and the interrupt controller's come after it. */
extern pthread_mutex_t pci_lock;

/* pci.c: bytes of configuration space, least significant first. */
uint32_t pci_get_bytes(const uint8_t *bytes, unsigned size);
void pci_put_bytes(uint8_t *bytes, unsigned size, uint32_t value);

/* pci.c: plug in what is described; is_bridge: with a header of type 1. Called with the lock held. */
struct pci_function *pci_add_function(unsigned device_number, unsigned function_number,
                                      const struct pci_function_description *description, bool is_bridge);
/* pci.c: have functions answer as their configuration now says: this one, and those behind it when it is a
 * bridge. Called with the lock held. */
void pci_apply_config(struct pci_function *function);

/* pci_bridge.c: the bridge to a bus; NULL for bus 0. As firmware has numbered it, and as bridges are set now:
 * then *found says whether there is a way to it. */
struct pci_function *pci_bridge_to(unsigned bus);
struct pci_function *pci_bridge_forwarding_to(unsigned bus, bool *found);
/* pci_bridge.c: whether all bridges above let an access through, and what is behind one master the bus. */
bool pci_bridges_forward(const struct pci_function *function, enum pci_bar_kind kind, uint64_t address);
bool pci_bridges_master(const struct pci_function *function);
/* pci_bridge.c: the line for a pin, turned from bridge to bridge. */
uint8_t pci_route(const struct pci_function *function, unsigned pin);
/* pci_bridge.c: do what a bridge's configuration space, just written, says. Called with the lock held. */
void pci_apply_bridge(struct pci_function *bridge);

/* pci_reset.c: carry out the resets that a write to configuration space has begun. was_in_reset: what is
 * behind, before it. Called without the lock. */
void pci_carry_out_resets(struct pci_function *function, bool was_in_reset);

/* pci_message.c: do what configuration space, just written, says of interrupts. Called with the lock held. */
void pci_apply_interrupts(struct pci_function *function);
/* pci_message.c: as after a reset, but for what configuration space has. Called with the lock held. */
void pci_reset_messages(struct pci_function *function);

/* pci_message.c: whether a byte of a BAR belongs to MSI-X's structures, and accesses there. */
bool pci_msix_covers(const struct pci_function *function, unsigned bar, uint32_t offset);
uint32_t pci_msix_read(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size);
void pci_msix_write(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size,
                    uint32_t value);

#endif
