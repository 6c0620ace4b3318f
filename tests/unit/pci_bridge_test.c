/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bridges between PCI buses as a system meets them, and resets: of all behind a bridge, and of one function.
 *
 * Bus 0 has two bridges, in slots 30 and 31. Behind the first are a function, a bridge, and behind that
 * another function; behind the second are cards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "harness/machine/dma.h"
#include "harness/machine/io.h"
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"

/* The specifications' numbers once more, written down apart from the machine's. */
enum {
    VENDOR = 0,
    COMMAND = 4,
    STATUS = 6,
    CLASS = 8,
    HEADER = 0xe,
    BAR0 = 0x10,
    BAR1 = 0x14,
    PRIMARY = 0x18,
    SECONDARY = 0x19,
    SUBORDINATE = 0x1a,
    IO_BASE = 0x1c,
    IO_LIMIT = 0x1d,
    MEMORY_BASE = 0x20,
    MEMORY_LIMIT = 0x22,
    WIDE_BASE = 0x24,
    WIDE_BASE_UPPER = 0x28,
    WIDE_LIMIT_UPPER = 0x2c,
    CAPABILITIES = 0x34,
    LINE = 0x3c,
    CONTROL = 0x3e,
};
enum { IO = 1, MEMORY = 2, MASTER = 4, ALL = 7 };
#define RESET_BEHIND 0x40u
#define RECEIVED_MASTER_ABORT 0x2000u

#define UPPER 30 /* slots of bridges */
#define BESIDE 31
#define LOWER 2
#define NEAR 1 /* slots of functions */
#define FAR 4

struct chip {
    struct pci_function *function;
    uint32_t word; /* what its registers read as */
    unsigned resets;
};
static struct chip near = {.word = 0x11111111}, far = {.word = 0x22222222};

static uint32_t chip_read(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    (void)bar, (void)offset, (void)size;
    return ((struct chip *)device)->word;
}

static void chip_write(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    (void)bar, (void)offset, (void)size;
    ((struct chip *)device)->word = value;
}

static void chip_reset(void *device)
{
    ((struct chip *)device)->resets++;
}

static void plug_in_chip(struct chip *chip, unsigned bus, unsigned slot)
{
    static const struct pci_function_ops ops = {.read = chip_read, .write = chip_write, .reset = chip_reset};
    const struct pci_function_description description = {.name = "chip",
                                                         .vendor_id = 0x1234,
                                                         .device_id = 0x5678,
                                                         .interrupt_pin = 1,
                                                         .bus = (uint8_t)bus,
                                                         .bars = {{PCI_BAR_IO, 64, false, false},
                                                                  {PCI_BAR_MEMORY, 4096, false, false},
                                                                  {PCI_BAR_MEMORY, 65536, true, true}},
                                                         .ops = &ops,
                                                         .device = chip};

    chip->function = pci_function_register(slot, 0, &description);
    pci_function_add_msix(
        chip->function, 0,
        &(struct pci_msix_layout){.vectors = 1, .table_bar = 1, .pending_bar = 1, .pending_offset = 2048});
    pci_function_add_reset(chip->function, 0);
}

static struct nic *cards[8];

static int plug_in(void **state)
{
    (void)state;
    machine_init();
    if (pci_bridge_register(0, UPPER) != 1)
        return -1;
    plug_in_chip(&near, 1, NEAR);
    if (pci_bridge_register(1, LOWER) != 2)
        return -1;
    plug_in_chip(&far, 2, FAR);
    if (pci_bridge_register(0, BESIDE) != 3)
        return -1;
    for (unsigned i = 0; nic_models[i]; i++) {
        const struct nic_config config = {.pci_bus = 3, .pci_slot = 1 + i};

        cards[i] = nic_models[i]->create(&config);
    }
    machine_boot_finished();
    return 0;
}

static int unplug(void **state)
{
    (void)state;
    for (unsigned i = 0; nic_models[i]; i++)
        nic_models[i]->power_off(cards[i]);
    return 0;
}

static void decode(unsigned bus, unsigned slot, uint32_t command)
{
    pci_config_write(bus, slot, 0, COMMAND, 2, command);
}

static int decode_all(void **state)
{
    (void)state;
    decode(0, UPPER, ALL);
    decode(0, BESIDE, ALL);
    decode(1, LOWER, ALL);
    decode(1, NEAR, ALL);
    decode(2, FAR, ALL);
    return 0;
}

/* --- What firmware leaves --------------------------------------------------------------------------------
 */

static void bridges_are_found_with_their_buses(void **state)
{
    static const struct {
        unsigned bus, slot, secondary, subordinate;
    } expected[] = {{0, UPPER, 1, 2}, {1, LOWER, 2, 2}, {0, BESIDE, 3, 3}};

    (void)state;
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        unsigned bus = expected[i].bus, slot = expected[i].slot;

        assert_int_equal(pci_config_read(bus, slot, 0, HEADER, 1), 1);
        assert_int_equal(pci_config_read(bus, slot, 0, CLASS, 4) >> 8, 0x060400);
        assert_int_equal(pci_config_read(bus, slot, 0, PRIMARY, 1), bus);
        assert_int_equal(pci_config_read(bus, slot, 0, SECONDARY, 1), expected[i].secondary);
        assert_int_equal(pci_config_read(bus, slot, 0, SUBORDINATE, 1), expected[i].subordinate);
        assert_int_equal(pci_config_read(bus, slot, 0, COMMAND, 2), 0);
    }
    assert_int_equal(pci_config_read(1, NEAR, 0, VENDOR, 4), 0x56781234);
    assert_int_equal(pci_config_read(2, FAR, 0, VENDOR, 4), 0x56781234);
    assert_int_equal(pci_config_read(1, FAR, 0, VENDOR, 4), 0xffffffff);
    assert_int_equal(pci_config_read(4, NEAR, 0, VENDOR, 4), 0xffffffff);
}

static uint64_t bar(unsigned bus, unsigned slot, unsigned offset)
{
    return pci_config_read(bus, slot, 0, offset, 4) & ~15u;
}

static void firmware_lets_through_what_is_behind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unsigned bus = i + 1, slot = i ? FAR : NEAR;
        uint32_t ports = bar(bus, slot, BAR0), registers = bar(bus, slot, BAR1);
        uint32_t upper = pci_config_read(bus, slot, 0, BAR1 + 8, 4);

        assert_in_range(ports, (pci_config_read(0, UPPER, 0, IO_BASE, 1) & 0xf0) << 8,
                        (pci_config_read(0, UPPER, 0, IO_LIMIT, 1) & 0xf0) << 8 | 0xfff);
        assert_in_range(registers, pci_config_read(0, UPPER, 0, MEMORY_BASE, 2) << 16,
                        pci_config_read(0, UPPER, 0, MEMORY_LIMIT, 2) << 16 | 0xfffff);
        assert_int_equal(pci_config_read(0, UPPER, 0, WIDE_BASE, 2) & 15, 1); /* of 64 bits */
        assert_in_range(upper, pci_config_read(0, UPPER, 0, WIDE_BASE_UPPER, 4),
                        pci_config_read(0, UPPER, 0, WIDE_LIMIT_UPPER, 4));
    }
}

/* --- Configuration accesses ------------------------------------------------------------------------------
 */

static void buses_answer_to_the_numbers_that_software_gives(void **state)
{
    (void)state;
    pci_config_write(0, UPPER, 0, SECONDARY, 1, 0x40);
    pci_config_write(0, UPPER, 0, SUBORDINATE, 1, 0x42);
    assert_int_equal(pci_config_read(1, NEAR, 0, VENDOR, 4), 0xffffffff);
    assert_int_equal(pci_config_read(0x40, NEAR, 0, VENDOR, 4), 0x56781234);
    assert_int_equal(pci_config_read(2, FAR, 0, VENDOR, 4), 0xffffffff);
    pci_config_write(0x40, LOWER, 0, SECONDARY, 1, 0x42);
    pci_config_write(0x40, LOWER, 0, SUBORDINATE, 1, 0x42);
    assert_ptr_equal(pci_function_find(0x42, FAR, 0), far.function);
    pci_config_write(0, UPPER, 0, SUBORDINATE, 1, 0x41); /* it does not forward so far */
    assert_null(pci_function_find(0x42, FAR, 0));
    pci_config_write(0x40, LOWER, 0, SECONDARY, 1, 2);
    pci_config_write(0x40, LOWER, 0, SUBORDINATE, 1, 2);
    pci_config_write(0, UPPER, 0, SECONDARY, 1, 1);
    pci_config_write(0, UPPER, 0, SUBORDINATE, 1, 2);
    assert_ptr_equal(pci_function_find(2, FAR, 0), far.function);
    assert_ptr_equal(pci_function_find(1, NEAR, 0), near.function);
}

/* --- Ports and memory ------------------------------------------------------------------------------------
 */

static void registers_answer_while_every_bridge_forwards(void **state)
{
    (void)state;
    uint16_t port = (uint16_t)bar(2, FAR, BAR0);
    volatile uint8_t *registers = machine_mmio_map(bar(2, FAR, BAR1), 4096);

    assert_int_equal(machine_in32(port), 0x22222222);
    assert_int_equal(machine_mmio_read32(registers + 512), 0x22222222);
    for (unsigned i = 0; i < 2; i++) {
        decode(i, i ? LOWER : UPPER, MEMORY);
        assert_int_equal(machine_in32(port), 0xffffffff);
        assert_int_equal(machine_mmio_read32(registers + 512), 0x22222222);
        decode(i, i ? LOWER : UPPER, IO);
        assert_int_equal(machine_in32(port), 0x22222222);
        assert_int_equal(machine_mmio_read32(registers + 512), 0xffffffff);
        decode(i, i ? LOWER : UPPER, ALL);
    }
    uint32_t limit = pci_config_read(0, UPPER, 0, MEMORY_LIMIT, 2);
    pci_config_write(0, UPPER, 0, MEMORY_LIMIT, 2, pci_config_read(0, UPPER, 0, MEMORY_BASE, 2));
    assert_int_equal(machine_mmio_read32(registers + 512), 0xffffffff);
    pci_config_write(0, UPPER, 0, MEMORY_LIMIT, 2, 0); /* below the base: nothing at all */
    assert_int_equal(machine_mmio_read32(registers + 512), 0xffffffff);
    pci_config_write(0, UPPER, 0, MEMORY_LIMIT, 2, limit);
    assert_int_equal(machine_mmio_read32(registers + 512), 0x22222222);
}

static void wide_memory_has_a_window_of_its_own(void **state)
{
    (void)state;
    uint64_t address = (uint64_t)pci_config_read(2, FAR, 0, BAR1 + 8, 4) << 32 | bar(2, FAR, BAR1 + 4);
    volatile uint8_t *memory = machine_mmio_map(address, 65536);
    uint32_t upper = pci_config_read(1, LOWER, 0, WIDE_LIMIT_UPPER, 4);

    assert_int_equal(machine_mmio_read32(memory), 0x22222222);
    pci_config_write(1, LOWER, 0, WIDE_LIMIT_UPPER, 4, 0);
    assert_int_equal(machine_mmio_read32(memory), 0xffffffff);
    pci_config_write(1, LOWER, 0, WIDE_LIMIT_UPPER, 4, upper);
    assert_int_equal(machine_mmio_read32(memory), 0x22222222);
}

static void memory_is_reached_while_every_bridge_masters(void **state)
{
    (void)state;
    struct dma_device *device = pci_function_dma(far.function);
    char octet = 0;
    uint64_t bus = iommu_map(device, &octet, 1, IOMMU_FROM_DEVICE);

    assert_true(dma_write(device, bus, "a", 1, NULL));
    decode(0, UPPER, IO | MEMORY);
    assert_false(dma_write(device, bus, "b", 1, NULL));
    decode(0, UPPER, ALL);
    decode(1, LOWER, IO | MEMORY);
    assert_false(dma_write(device, bus, "b", 1, NULL));
    decode(1, LOWER, ALL);
    assert_int_equal(octet, 'a');
    assert_int_equal(dma_fault_count(device), 0);
    assert_true(dma_write(device, bus, "c", 1, NULL));
    iommu_unmap(device, bus, 1);
}

/* --- Interrupts ------------------------------------------------------------------------------------------
 */

/* Table 9-1: the pin of device n of the secondary bus appears at the primary one n pins further on. */
static void pins_turn_from_bridge_to_bridge(void **state)
{
    static const unsigned board[] = {10, 5, 9, 11}; /* INTA of slots 0, 1, 2, 3 */

    (void)state;
    assert_int_equal(pci_config_read(1, NEAR, 0, LINE, 1), board[(NEAR + UPPER) % 4]);
    assert_int_equal(pci_config_read(2, FAR, 0, LINE, 1), board[(FAR + LOWER + UPPER) % 4]);
    pci_function_set_interrupt(far.function, true);
    assert_true(irq_line_state(board[(FAR + LOWER + UPPER) % 4]).high);
    assert_false(irq_line_state(board[(NEAR + UPPER) % 4]).high);
    pci_function_set_interrupt(far.function, false);
}

/* --- Resets ----------------------------------------------------------------------------------------------
 */

static unsigned find_capability(unsigned bus, unsigned slot, unsigned id)
{
    unsigned at = pci_config_read(bus, slot, 0, CAPABILITIES, 1);

    while (at && pci_config_read(bus, slot, 0, at, 1) != id)
        at = pci_config_read(bus, slot, 0, at + 1, 1);
    return at;
}

static void put_back(unsigned bus, unsigned slot, const uint32_t bars[4])
{
    for (unsigned i = 0; i < 4; i++)
        pci_config_write(bus, slot, 0, BAR0 + 4 * i, 4, bars[i]);
    decode(bus, slot, ALL);
}

static void function_level_reset_is_of_one_function(void **state)
{
    (void)state;
    unsigned reset = find_capability(2, FAR, 0x13), msix = find_capability(2, FAR, 0x11);
    volatile uint8_t *table = machine_mmio_map(bar(2, FAR, BAR1), 4096);
    unsigned before_near = near.resets, before_far = far.resets;
    uint32_t bars[4];

    for (unsigned i = 0; i < 4; i++)
        bars[i] = pci_config_read(2, FAR, 0, BAR0 + 4 * i, 4);
    assert_int_not_equal(reset, 0);
    assert_int_equal(pci_config_read(2, FAR, 0, reset + 2, 1), 6); /* the capability's octets */
    assert_int_equal(pci_config_read(2, FAR, 0, reset + 3, 1), 3);
    machine_mmio_write32(table + 12, 0); /* the vector is not masked */
    pci_config_write(2, FAR, 0, msix + 2, 2, 0x8000);
    dma_device_abort_next(pci_function_dma(far.function));
    assert_false(dma_read(pci_function_dma(far.function), 0, bars, 4, NULL));
    assert_true(pci_config_read(2, FAR, 0, STATUS, 2) & RECEIVED_MASTER_ABORT);

    pci_config_write(2, FAR, 0, reset + 4, 1, 1);
    assert_int_equal(far.resets, before_far + 1);
    assert_int_equal(near.resets, before_near);
    assert_int_equal(pci_config_read(2, FAR, 0, reset + 4, 1), 0);
    assert_int_equal(pci_config_read(2, FAR, 0, reset + 5, 1), 0);
    assert_int_equal(pci_config_read(2, FAR, 0, COMMAND, 2), 0);
    assert_false(pci_config_read(2, FAR, 0, STATUS, 2) & RECEIVED_MASTER_ABORT);
    assert_int_equal(bar(2, FAR, BAR1), 0);
    assert_int_equal(pci_config_read(2, FAR, 0, VENDOR, 4), 0x56781234);
    assert_int_equal(pci_function_interrupts(far.function), PCI_INTERRUPTS_PIN);
    assert_int_equal(machine_mmio_read32(table + 12), 0xffffffff);

    put_back(2, FAR, bars);
    assert_int_equal(machine_mmio_read32(table + 12), 1);
    pci_config_write(2, FAR, 0, reset + 4, 1, 0); /* nothing begins */
    assert_int_equal(far.resets, before_far + 1);
}

static void bus_reset_is_of_all_behind(void **state)
{
    (void)state;
    unsigned before_near = near.resets, before_far = far.resets;
    uint32_t windows = pci_config_read(1, LOWER, 0, MEMORY_BASE, 4);

    pci_config_write(0, UPPER, 0, CONTROL, 2, RESET_BEHIND);
    assert_int_equal(near.resets, before_near + 1);
    assert_int_equal(far.resets, before_far + 1);
    assert_int_equal(pci_config_read(1, NEAR, 0, VENDOR, 4), 0xffffffff); /* while it lasts */
    pci_config_write(0, UPPER, 0, CONTROL, 2, RESET_BEHIND);
    assert_int_equal(near.resets, before_near + 1);
    pci_config_write(0, UPPER, 0, CONTROL, 2, 0);
    assert_int_equal(pci_config_read(1, NEAR, 0, VENDOR, 4), 0x56781234);
    assert_int_equal(pci_config_read(1, NEAR, 0, COMMAND, 2), 0);
    assert_int_equal(pci_config_read(1, LOWER, 0, SECONDARY, 1), 0);
    assert_int_not_equal(pci_config_read(1, LOWER, 0, MEMORY_BASE, 4), windows);
}

static void cards_are_as_at_power_on_after_a_reset(void **state)
{
    static const struct {
        unsigned bar; /* in the order of nic_models */
        uint32_t offset, written, fresh;
        unsigned size;
    } registers[] = {
        {1, 0x30, 0x12345678, 0, 4},  /* RBSTART */
        {0, 0x38, 0x1234, 0x8100, 4}, /* VET */
        {0, 0x04, 0x12345678, 0, 4},  /* System Control Block General Pointer */
        {0, 18, 1, 0, 1},             /* device status, twice */
        {0, 18, 1, 0, 1},
    };
    uint32_t bars[8];

    (void)state;
    for (unsigned i = 0; nic_models[i]; i++) {
        bars[i] = pci_config_read(3, 1 + i, 0, BAR0 + 4 * registers[i].bar, 4);
        decode(3, 1 + i, ALL);
        pci_function_write(pci_function_find(3, 1 + i, 0), registers[i].bar, registers[i].offset,
                           registers[i].size, registers[i].written);
        assert_int_equal(pci_function_read(pci_function_find(3, 1 + i, 0), registers[i].bar,
                                           registers[i].offset, registers[i].size),
                         registers[i].written);
    }
    pci_config_write(0, BESIDE, 0, CONTROL, 2, RESET_BEHIND);
    pci_config_write(0, BESIDE, 0, CONTROL, 2, 0);
    for (unsigned i = 0; nic_models[i]; i++) {
        assert_int_equal(bar(3, 1 + i, BAR0 + 4 * registers[i].bar), 0);
        assert_int_not_equal(bars[i] & ~15u, 0);
        assert_int_equal(pci_function_read(pci_function_find(3, 1 + i, 0), registers[i].bar,
                                           registers[i].offset, registers[i].size),
                         registers[i].fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bridges_are_found_with_their_buses),
        cmocka_unit_test(firmware_lets_through_what_is_behind),
        cmocka_unit_test(buses_answer_to_the_numbers_that_software_gives),
        cmocka_unit_test(pins_turn_from_bridge_to_bridge),
        cmocka_unit_test_setup(registers_answer_while_every_bridge_forwards, decode_all),
        cmocka_unit_test_setup(wide_memory_has_a_window_of_its_own, decode_all),
        cmocka_unit_test_setup(memory_is_reached_while_every_bridge_masters, decode_all),
        cmocka_unit_test_setup(function_level_reset_is_of_one_function, decode_all),
        cmocka_unit_test_setup(cards_are_as_at_power_on_after_a_reset, decode_all),
        cmocka_unit_test(bus_reset_is_of_all_behind), /* the last: firmware's settings are lost */
    };
    return cmocka_run_group_tests(tests, plug_in, unplug);
}
