/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * I/O accesses and where they go. See io.h.
 */
#include "harness/machine/io.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "harness/machine/pci.h"

/* Configuration mechanism #1 (PCI Local Bus Specification 3.0, section 3.2.2.3.2). */
#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA 0xcfcu
#define CONFIG_ENABLE 0x80000000u

/* CONFIG_ADDRESS is a register of the machine; two threads that use it at once disturb each other, as on one.
 */
static _Atomic uint32_t config_address;

/* Register addresses as a driver holds them: not canonical on x86-64, so that a stray access crashes. */
#define MMIO_COOKIE_BASE ((uintptr_t)0xdead000000000000u)
#define PHYSICAL_ADDRESSES (UINT64_C(1) << 40) /* a cookie has room for these */

static uint32_t all_ones(unsigned size)
{
    return UINT32_MAX >> (32 - 8 * size);
}

static bool is_config_data(uint16_t port, unsigned size)
{
    return port >= CONFIG_DATA && port + size <= CONFIG_DATA + 4 && port % size == 0;
}

static uint32_t port_in(uint16_t port, unsigned size)
{
    struct pci_function *function;
    unsigned bar;
    uint32_t offset;

    if (port == CONFIG_ADDRESS && size == 4)
        return config_address;
    if (is_config_data(port, size)) {
        uint32_t address = config_address;
        if (!(address & CONFIG_ENABLE))
            return all_ones(size);
        return pci_config_read((address >> 16) & 0xff, (address >> 11) & 0x1f, (address >> 8) & 0x7,
                               (address & 0xfc) + (port & 3), size);
    }
    if (!pci_decode(PCI_BAR_IO, port, size, &function, &bar, &offset))
        return all_ones(size);
    return pci_function_read(function, bar, offset, size);
}

static void port_out(uint16_t port, unsigned size, uint32_t value)
{
    struct pci_function *function;
    unsigned bar;
    uint32_t offset;

    if (port == CONFIG_ADDRESS && size == 4) {
        config_address = value;
    } else if (is_config_data(port, size)) {
        uint32_t address = config_address;
        if (address & CONFIG_ENABLE)
            pci_config_write((address >> 16) & 0xff, (address >> 11) & 0x1f, (address >> 8) & 0x7,
                             (address & 0xfc) + (port & 3), size, value);
    } else if (pci_decode(PCI_BAR_IO, port, size, &function, &bar, &offset)) {
        pci_function_write(function, bar, offset, size, value);
    }
}

uint8_t machine_in8(uint16_t port)
{
    return (uint8_t)port_in(port, 1);
}

uint16_t machine_in16(uint16_t port)
{
    return (uint16_t)port_in(port, 2);
}

uint32_t machine_in32(uint16_t port)
{
    return port_in(port, 4);
}

void machine_out8(uint16_t port, uint8_t value)
{
    port_out(port, 1, value);
}

void machine_out16(uint16_t port, uint16_t value)
{
    port_out(port, 2, value);
}

void machine_out32(uint16_t port, uint32_t value)
{
    port_out(port, 4, value);
}

volatile void *machine_mmio_map(uint64_t phys, size_t size)
{
    if (size == 0 || phys >= PHYSICAL_ADDRESSES || size > PHYSICAL_ADDRESSES - phys)
        return NULL;
    if (!pci_memory_bar_covers(phys, size))
        return NULL;
    return (volatile void *)(MMIO_COOKIE_BASE + phys);
}

static uint32_t mmio_read(const volatile void *address, unsigned size)
{
    struct pci_function *function;
    unsigned bar;
    uint32_t offset;
    if (!pci_decode(PCI_BAR_MEMORY, (uintptr_t)address - MMIO_COOKIE_BASE, size, &function, &bar, &offset))
        return all_ones(size);
    return pci_function_read(function, bar, offset, size);
}

static void mmio_write(volatile void *address, unsigned size, uint32_t value)
{
    struct pci_function *function;
    unsigned bar;
    uint32_t offset;
    if (pci_decode(PCI_BAR_MEMORY, (uintptr_t)address - MMIO_COOKIE_BASE, size, &function, &bar, &offset))
        pci_function_write(function, bar, offset, size, value);
}

uint8_t machine_mmio_read8(const volatile void *address)
{
    return (uint8_t)mmio_read(address, 1);
}

uint16_t machine_mmio_read16(const volatile void *address)
{
    return (uint16_t)mmio_read(address, 2);
}

uint32_t machine_mmio_read32(const volatile void *address)
{
    return mmio_read(address, 4);
}

void machine_mmio_write8(volatile void *address, uint8_t value)
{
    mmio_write(address, 1, value);
}

void machine_mmio_write16(volatile void *address, uint16_t value)
{
    mmio_write(address, 2, value);
}

void machine_mmio_write32(volatile void *address, uint32_t value)
{
    mmio_write(address, 4, value);
}
