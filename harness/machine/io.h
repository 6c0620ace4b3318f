/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port I/O and memory-mapped I/O as a driver performs them. An access runs the device model's handler in the
 * calling thread. Where nothing answers, reads give all ones and writes are lost, as on the bus.
 *
 * Ports 0xCF8 and 0xCFC are PCI configuration mechanism #1.
 */
#ifndef HARNESS_MACHINE_IO_H
#define HARNESS_MACHINE_IO_H

#include <stddef.h>
#include <stdint.h>

#define MACHINE_IO_PORTS 0x10000u

uint8_t machine_in8(uint16_t port);
uint16_t machine_in16(uint16_t port);
uint32_t machine_in32(uint16_t port);
void machine_out8(uint16_t port, uint8_t value);
void machine_out16(uint16_t port, uint16_t value);
void machine_out32(uint16_t port, uint32_t value);

/* An address for the registers at physical address phys. It names them, and is not memory: dereferencing it
 * is a crash. Arithmetic on it within [0, size) is fine. Returns NULL when no memory BAR covers the range.
 * There is nothing to give back. */
volatile void *machine_mmio_map(uint64_t phys, size_t size);

uint8_t machine_mmio_read8(const volatile void *address);
uint16_t machine_mmio_read16(const volatile void *address);
uint32_t machine_mmio_read32(const volatile void *address);
void machine_mmio_write8(volatile void *address, uint8_t value);
void machine_mmio_write16(volatile void *address, uint16_t value);
void machine_mmio_write32(volatile void *address, uint32_t value);

#endif
