/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges between PCI buses. See pci.h; section numbers are those of the PCI-to-PCI Bridge Architecture
 * Specification 1.2.
 *
 * Firmware numbers buses, and gives each window of each the same room, in the order of registration. As that
 * goes depth first, what lies behind one bridge has no gap, and one range of each kind is enough to forward
 * it all.
 */
#include <assert.h>
#include <stddef.h>

#include "harness/machine/irq.h"
#include "harness/machine/pci_private.h"

/* The type 1 header (3.2, figure 3-2), where it differs from type 0. */
enum {
    PRIMARY_BUS = 0x18,
    SECONDARY_BUS = 0x19,
    SUBORDINATE_BUS = 0x1a,
    SECONDARY_LATENCY = 0x1b,
    IO_BASE = 0x1c,
    IO_LIMIT = 0x1d,
    MEMORY_BASE = 0x20,
    MEMORY_LIMIT = 0x22,
    PREFETCHABLE_BASE = 0x24,
    PREFETCHABLE_LIMIT = 0x26,
    PREFETCHABLE_BASE_UPPER = 0x28,
    PREFETCHABLE_LIMIT_UPPER = 0x2c,
    BRIDGE_CONTROL = 0x3e,
};
#define HEADER_BRIDGE 0x01u
#define CLASS_BRIDGE 0x060400u
#define CONTROL_RESET 0x0040u      /* Secondary Bus Reset (3.2.5.18) */
#define CONTROL_WRITABLE 0x0043u   /* it, and parity and SERR, which nothing here shows */
#define PREFETCHABLE_64BIT 0x0001u /* in the low bits of base and limit, read only (3.2.5.10) */
#define IO_UNIT 0x1000u
#define MEMORY_UNIT 0x100000u

/* Identifies itself as the DEC 21152, which has no registers that a system would have to know. */
#define VENDOR 0x1011u
#define DEVICE 0x0024u

/* Where firmware begins to assign: on bus 0, and on bus 1, behind which the others' follow. */
static const struct {
    uint64_t root, behind;
} firmware[PCI_WINDOWS] = {
    [PCI_WINDOW_IO] = {0xc000, 0xd000},
    [PCI_WINDOW_MEMORY] = {0xfeb00000, 0xfe800000},
    [PCI_WINDOW_PREFETCHABLE] = {UINT64_C(0x800000000), UINT64_C(0x840000000)},
};
const uint64_t pci_firmware_bytes[PCI_WINDOWS] = {
    [PCI_WINDOW_IO] = IO_UNIT, [PCI_WINDOW_MEMORY] = MEMORY_UNIT, [PCI_WINDOW_PREFETCHABLE] = 0x40000000};

/* By the numbers that firmware gave. */
static struct pci_function *bridges[PCI_BUSES_MAX];
static unsigned last_bus;

uint64_t pci_firmware_base(unsigned bus, enum pci_window window)
{
    return bus == 0 ? firmware[window].root
                    : firmware[window].behind + (bus - 1) * pci_firmware_bytes[window];
}

/* --- Registers. Called with the bus's lock held. ---------------------------------------------------------
 */

static void set(struct pci_function *bridge, unsigned offset, unsigned size, uint32_t value,
                uint32_t writable)
{
    pci_put_bytes(&bridge->config[offset], size, value);
    pci_put_bytes(&bridge->writable[offset], size, writable);
}

static uint32_t get(const struct pci_function *bridge, unsigned offset, unsigned size)
{
    return pci_get_bytes(&bridge->config[offset], size);
}

/* What firmware lets through: all that buses `first` to `last` have. */
static void set_windows(struct pci_function *bridge, unsigned first, unsigned last)
{
    uint64_t base[PCI_WINDOWS], limit[PCI_WINDOWS];

    for (enum pci_window window = 0; window < PCI_WINDOWS; window++) {
        base[window] = pci_firmware_base(first, window);
        limit[window] = pci_firmware_base(last, window) + pci_firmware_bytes[window] - 1;
    }
    set(bridge, IO_BASE, 1, (uint32_t)base[PCI_WINDOW_IO] >> 8, 0xf0);
    set(bridge, IO_LIMIT, 1, (uint32_t)limit[PCI_WINDOW_IO] >> 8 & 0xf0, 0xf0);
    set(bridge, MEMORY_BASE, 2, (uint32_t)base[PCI_WINDOW_MEMORY] >> 16, 0xfff0);
    set(bridge, MEMORY_LIMIT, 2, (uint32_t)limit[PCI_WINDOW_MEMORY] >> 16 & 0xfff0, 0xfff0);
    uint64_t wide = base[PCI_WINDOW_PREFETCHABLE], end = limit[PCI_WINDOW_PREFETCHABLE];
    set(bridge, PREFETCHABLE_BASE, 2, ((uint32_t)wide >> 16 & 0xfff0) | PREFETCHABLE_64BIT, 0xfff0);
    set(bridge, PREFETCHABLE_LIMIT, 2, ((uint32_t)end >> 16 & 0xfff0) | PREFETCHABLE_64BIT, 0xfff0);
    set(bridge, PREFETCHABLE_BASE_UPPER, 4, (uint32_t)(wide >> 32), UINT32_MAX);
    set(bridge, PREFETCHABLE_LIMIT_UPPER, 4, (uint32_t)(end >> 32), UINT32_MAX);
}

static void set_range(struct pci_range *range, uint64_t base, uint64_t limit)
{
    range->base = base;
    range->limit = limit;
}

void pci_apply_bridge(struct pci_function *bridge)
{
    uint64_t wide = (uint64_t)get(bridge, PREFETCHABLE_BASE_UPPER, 4) << 32;
    uint64_t end = (uint64_t)get(bridge, PREFETCHABLE_LIMIT_UPPER, 4) << 32;

    bridge->secondary = get(bridge, SECONDARY_BUS, 1);
    bridge->subordinate = get(bridge, SUBORDINATE_BUS, 1);
    bridge->in_reset = get(bridge, BRIDGE_CONTROL, 2) & CONTROL_RESET;
    set_range(&bridge->windows[PCI_WINDOW_IO], (get(bridge, IO_BASE, 1) & 0xf0) << 8,
              (get(bridge, IO_LIMIT, 1) & 0xf0) << 8 | (IO_UNIT - 1));
    set_range(&bridge->windows[PCI_WINDOW_MEMORY], (uint64_t)(get(bridge, MEMORY_BASE, 2) & 0xfff0) << 16,
              (uint64_t)(get(bridge, MEMORY_LIMIT, 2) & 0xfff0) << 16 | (MEMORY_UNIT - 1));
    set_range(&bridge->windows[PCI_WINDOW_PREFETCHABLE],
              wide | (uint64_t)(get(bridge, PREFETCHABLE_BASE, 2) & 0xfff0) << 16,
              end | (uint64_t)(get(bridge, PREFETCHABLE_LIMIT, 2) & 0xfff0) << 16 | (MEMORY_UNIT - 1));
}

/* --- Power-on --------------------------------------------------------------------------------------------
 */

static void describe(struct pci_function *bridge, unsigned bus)
{
    bridge->config[PCI_CONFIG_HEADER_TYPE] |= HEADER_BRIDGE;
    set(bridge, PRIMARY_BUS, 1, bridge->description.bus, 0xff);
    set(bridge, SECONDARY_BUS, 1, bus, 0xff);
    set(bridge, SECONDARY_LATENCY, 1, 0, 0xf8);
    set(bridge, BRIDGE_CONTROL, 2, 0, CONTROL_WRITABLE);
}

unsigned pci_bridge_register(unsigned bus, unsigned device_number)
{
    static const struct pci_function_ops no_ops;
    const struct pci_function_description description = {.name = "PCI bridge",
                                                         .vendor_id = VENDOR,
                                                         .device_id = DEVICE,
                                                         .class_code = CLASS_BRIDGE,
                                                         .bus = (uint8_t)bus,
                                                         .ops = &no_ops};

    pthread_mutex_lock(&pci_lock);
    unsigned behind = ++last_bus;
    assert(behind < PCI_BUSES_MAX && bus < behind);
    assert(bus == 0 || bridges[bus]->subordinate == behind - 1); /* depth first */
    struct pci_function *bridge = pci_add_function(device_number, 0, &description, true);
    bridges[behind] = bridge;
    describe(bridge, behind);
    for (struct pci_function *above = bridge; above; above = above->upstream) {
        set(above, SUBORDINATE_BUS, 1, behind, 0xff);
        set_windows(above, get(above, SECONDARY_BUS, 1), behind);
        pci_apply_config(above);
    }
    pthread_mutex_unlock(&pci_lock);
    return behind;
}

struct pci_function *pci_bridge_to(unsigned bus)
{
    assert(bus <= last_bus);
    return bridges[bus];
}

/* --- What is forwarded -----------------------------------------------------------------------------------
 */

/* The bridge beside others, all behind `upstream`, that takes configuration accesses to a bus (3.1.2.1.2). */
static struct pci_function *take_access(const struct pci_function *upstream, unsigned bus)
{
    unsigned count = pci_function_count;
    for (unsigned i = 0; i < count; i++) {
        struct pci_function *bridge = &pci_functions[i];
        if (bridge->is_bridge && bridge->upstream == upstream && !bridge->in_reset &&
            bus >= bridge->secondary && bus <= bridge->subordinate)
            return bridge;
    }
    return NULL;
}

struct pci_function *pci_bridge_forwarding_to(unsigned bus, bool *found)
{
    struct pci_function *bridge = NULL;

    while (bus != (bridge ? bridge->secondary : 0)) {
        bridge = take_access(bridge, bus);
        if (!bridge)
            break;
    }
    *found = bus == 0 || bridge;
    return bridge;
}

static bool is_in(const struct pci_range *range, uint64_t address)
{
    return address >= range->base && address <= range->limit;
}

static bool forwards(const struct pci_function *bridge, enum pci_bar_kind kind, uint64_t address)
{
    if (bridge->in_reset)
        return false;
    if (kind == PCI_BAR_IO)
        return (bridge->command & PCI_COMMAND_IO_BIT) && is_in(&bridge->windows[PCI_WINDOW_IO], address);
    return (bridge->command & PCI_COMMAND_MEMORY_BIT) &&
           (is_in(&bridge->windows[PCI_WINDOW_MEMORY], address) ||
            is_in(&bridge->windows[PCI_WINDOW_PREFETCHABLE], address));
}

bool pci_bridges_forward(const struct pci_function *function, enum pci_bar_kind kind, uint64_t address)
{
    for (const struct pci_function *bridge = function->upstream; bridge; bridge = bridge->upstream) {
        if (!forwards(bridge, kind, address))
            return false;
    }
    return true;
}

bool pci_bridges_master(const struct pci_function *function)
{
    for (const struct pci_function *bridge = function->upstream; bridge; bridge = bridge->upstream) {
        if (!(bridge->command & PCI_COMMAND_MASTER_BIT))
            return false;
    }
    return true;
}

/* Behind a bridge, pins are turned by the number of the device (9.1, table 9-1); on boards for four lines,
 * those of bus 0 likewise. */
uint8_t pci_route(const struct pci_function *function, unsigned pin)
{
    static const uint8_t lines[] = {10, 5, 9, 11};

    for (; function->upstream; function = function->upstream)
        pin = (pin - 1 + function->device_number) % 4 + 1;
    return lines[(function->device_number + pin - 1) % 4];
}
