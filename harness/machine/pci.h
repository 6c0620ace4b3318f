/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PCI bus: functions with configuration space and base address registers. After the PCI Local Bus
 * Specification 3.0, chapter 6 (configuration space) and section 3.2.2.3.2 (configuration mechanism #1).
 *
 * Bridges lead to further buses, after the PCI-to-PCI Bridge Architecture Specification 1.2: each forwards the
 * configuration accesses, ports and memory that its registers say, and masters behind it by its own Bus
 * Master bit.
 *
 * The machine's firmware has assigned bus numbers, base addresses, bridges' windows and interrupt lines before
 * the system starts; I/O decoding, memory decoding and bus mastering are off, in bridges too, until the
 * system sets them in the command register. Pins of slots on bus 0 take turns on four lines, 11 and 10, 5, 9
 * for INTA of slots 3 to 6, so that every fourth slot shares; those behind a bridge take turns on its pins.
 * Memory of 64-bit BARs lies above 4 GiB, so that whoever forgets the upper half does not find it.
 *
 * Left out: expansion ROMs, parity, memory that is cached because it is prefetchable; of bridges subtractive
 * decoding, VGA, error reporting, and the time of delayed transactions. Functions behind a bridge keep domains
 * of their own at the IOMMU, as with PCI Express, where requests carry the function's number.
 */
#ifndef HARNESS_MACHINE_PCI_H
#define HARNESS_MACHINE_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_FUNCTIONS_MAX 12u
#define PCI_BUSES_MAX 4u /* bus 0, and one behind each bridge */
#define PCI_BARS 6u
#define PCI_CONFIG_BYTES 256u
#define PCI_VECTORS_MAX 32u /* of message-signalled interrupts of one function */
#define PCI_MSIX_ENTRY_BYTES 16u
#define PCI_CAPABILITIES_START 0x40u /* behind the header: capabilities and the chip's own registers */

/* Command register (6.2.2). */
#define PCI_COMMAND_IO_BIT 0x0001u
#define PCI_COMMAND_MEMORY_BIT 0x0002u
#define PCI_COMMAND_MASTER_BIT 0x0004u

struct dma_device;
struct pci_function;

/* How a device model answers accesses. `device` is what the model gave at registration; size is 1, 2 or 4.
 * Called in the thread that makes the access, with no lock held. */
struct pci_function_ops {
    /* To its BARs: offset counts bytes from the BAR's start, and the access never crosses its end. */
    uint32_t (*read)(void *device, unsigned bar, uint32_t offset, unsigned size);
    void (*write)(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value);

    /* To its own part of configuration space, from PCI_CAPABILITIES_START on; NULL when that is only memory.
     * reading comes before the bytes are read, so that the model may set them (pci_function_set_config);
     * written after they have changed as their mask allows (pci_function_get_config). */
    void (*config_reading)(void *device, unsigned offset, unsigned size);
    void (*config_written)(void *device, unsigned offset, unsigned size);

    /* The reset signal, or a function-level reset: as at power-on. Configuration space has been reset. NULL
     * when there is nothing to do. */
    void (*reset)(void *device);
};

enum pci_bar_kind { PCI_BAR_NONE = 0, PCI_BAR_IO, PCI_BAR_MEMORY };

struct pci_bar_description {
    enum pci_bar_kind kind;
    uint32_t size; /* bytes, a power of two; at least 4 (I/O) or 16 (memory) */
    bool wide;     /* memory with a 64-bit address: the next register is its upper half, and has no BAR */
    bool prefetchable;
};

struct pci_function_description {
    const char *name; /* for reports; must stay valid */
    uint16_t vendor_id;
    uint16_t device_id;
    uint16_t subsystem_vendor_id;
    uint16_t subsystem_id;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t revision;
    uint8_t interrupt_pin;  /* 1 .. 4 for INTA .. INTD, 0 none */
    uint8_t interrupt_line; /* the controller's line; 0: as the board routes the slot's pins */
    uint8_t bus;            /* as firmware numbers it: 0, or what pci_bridge_register() returned */
    struct pci_bar_description bars[PCI_BARS];
    const struct pci_function_ops *ops;
    void *device; /* handed to ops */
};

/* Plug a function in. Call during power-on. The description is copied; never fails (asserts its limits and
 * that the place is free). The function stays for ever. */
struct pci_function *pci_function_register(unsigned device_number, unsigned function_number,
                                           const struct pci_function_description *description);

/*
 * Plug a bridge in on a bus, and get a further bus behind it. Call during power-on, in the order in which
 * firmware numbers buses: what is behind a bridge before what is beside it (asserted, as the limits are).
 * Returns the number of the bus behind it.
 */
unsigned pci_bridge_register(unsigned bus, unsigned device_number);

/* The function at a place, as bridges forward configuration accesses now, or NULL. */
struct pci_function *pci_function_find(unsigned bus, unsigned device_number, unsigned function_number);

/* The device that its DMA is checked as, see dma.h. */
struct dma_device *pci_function_dma(struct pci_function *function);

/* Drive its interrupt pin; idempotent. Its line is the one of its description. While the function's messages
 * are enabled, or its Interrupt Disable bit is set, the pin is cut off from the line. */
void pci_function_set_interrupt(struct pci_function *function, bool asserted);

/* How software wants to be interrupted by it, at this moment. */
enum pci_interrupts { PCI_INTERRUPTS_PIN = 0, PCI_INTERRUPTS_MSI, PCI_INTERRUPTS_MSIX };
enum pci_interrupts pci_function_interrupts(const struct pci_function *function);

/*
 * Device model: give it message-signalled interrupts (6.8.1), with addresses of 64 bits and a mask for each
 * vector. Call during power-on.
 *
 * offset   as for pci_function_add_capability
 * vectors  that it asks for: 1, 2, 4, 8, 16 or 32
 */
void pci_function_add_msi(struct pci_function *function, unsigned offset, unsigned vectors);

/* Where MSI-X's structures lie (6.8.2.4, 6.8.2.5). Both in memory BARs, at multiples of 8. */
struct pci_msix_layout {
    unsigned vectors; /* 1 .. PCI_VECTORS_MAX */
    unsigned table_bar;
    uint32_t table_offset; /* PCI_MSIX_ENTRY_BYTES a vector */
    unsigned pending_bar;
    uint32_t pending_offset; /* a bit a vector, in units of 64 */
};

/* Device model: give it MSI-X (6.8.2). Accesses to the structures do not reach the model. */
void pci_function_add_msix(struct pci_function *function, unsigned offset,
                           const struct pci_msix_layout *layout);

/*
 * Device model: interrupt the processor for this vector, by MSI or MSI-X, whichever is enabled; otherwise
 * nothing happens. Masked, it stays pending. Of MSI vectors software may have granted fewer than the function
 * asked for; then they share (the number modulo theirs). A message is a write by the function: without bus
 * mastering it is lost, and one to an address that is not the interrupt controller's is a DMA write.
 */
void pci_function_message(struct pci_function *function, unsigned vector);

/* Device model: set bytes of configuration space (chip specific registers). writable: bits that software may
 * change. size 1, 2 or 4. */
void pci_function_set_config(struct pci_function *function, unsigned offset, unsigned size, uint32_t value,
                             uint32_t writable);
/* Device model: what they are now. */
uint32_t pci_function_get_config(struct pci_function *function, unsigned offset, unsigned size);

/*
 * Device model: add a capability (6.7) at the end of the list. Call during power-on.
 *
 * offset          where the data sheet has it: a multiple of 4 from PCI_CAPABILITIES_START on, apart from the
 *                 other ones; 0: behind the one added before
 * id              PCI-SIG's number
 * body, writable  what follows the identifier and the pointer, and the bits of it that software may change
 *                 (NULL: none), length bytes each; copied
 *
 * Returns its offset. Asserts that it fits.
 */
unsigned pci_function_add_capability(struct pci_function *function, unsigned offset, uint8_t id,
                                     const void *body, const void *writable, size_t length);

/*
 * Device model: let software reset the function alone, by the Advanced Features capability (PCI-SIG's ECN
 * "Advanced Capabilities for Conventional PCI", 2006). Call during power-on. offset: as for
 * pci_function_add_capability.
 */
void pci_function_add_reset(struct pci_function *function, unsigned offset);

/* A fault: an interrupt that nobody asked for, on the pin or, if they are enabled, by message. */
void pci_function_pulse_interrupt(struct pci_function *function);

/* A fault: the function is taken out of its slot. From now on it lets go of its pin, reads as all ones, and
 * its accesses to memory have no answer, which is no fault of its own. It does not come back. */
void pci_function_unplug(struct pci_function *function);

/* Configuration access, size 1, 2 or 4, offset a multiple of it. All ones where there is no function. */
uint32_t pci_config_read(unsigned bus, unsigned device_number, unsigned function_number, unsigned offset,
                         unsigned size);
void pci_config_write(unsigned bus, unsigned device_number, unsigned function_number, unsigned offset,
                      unsigned size, uint32_t value);

/* Who answers at a port or a physical address, for io.c. On true *bar and *offset say where. */
bool pci_decode(enum pci_bar_kind kind, uint64_t address, unsigned size, struct pci_function **function,
                unsigned *bar, uint32_t *offset);
/* Whether [address, address + size) lies in one memory BAR as it is assigned now, decoding on or off. */
bool pci_memory_bar_covers(uint64_t address, uint64_t size);
uint32_t pci_function_read(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size);
void pci_function_write(struct pci_function *function, unsigned bar, uint32_t offset, unsigned size,
                        uint32_t value);

#endif
