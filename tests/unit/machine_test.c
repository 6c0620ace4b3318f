/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: interrupt lines, the PCI bus as a system probes it, and DMA that the IOMMU lets through or
 * refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/alarm.h"
#include "harness/machine/dma.h"
#include "harness/machine/io.h"
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"

/* --- What the harness reports --- */

static atomic_uint findings;
static char finding[320];
static char mapping_name[128], relation[64]; /* of the mapping that the finding is about; "": of none */
static int mapping_stacks;

/* Memory of which it is kept which bytes are withheld. */
#define WATCHED 8
static unsigned char watched[WATCHED];
static char withheld[WATCHED + 1];
static const struct lockcheck_withheld_access *on_access;

/* Sources of interrupts, and the names of those that have been handed over and told of, in that order. */
static struct {
    const void *object;
    const char *name;
} sources[IRQ_SOURCES_MAX];
static unsigned sources_named;
static char handed_over[64], told_of[64];

/* The name of the source that this is, or NULL. */
static const char *source_name(const void *object)
{
    for (unsigned i = 0; i < sources_named; i++)
        if (sources[i].object == object)
            return sources[i].name;
    return NULL;
}

static void append(char text[64], const char *name)
{
    size_t length = strlen(text);
    snprintf(text + length, 64 - length, "%s ", name);
}

void lockcheck_request(enum lockcheck_request request, const void *object, long argument, const char *text,
                       const char *kind)
{
    static char named[sizeof(mapping_name)];
    static const void *named_object;

    if (request == LOCKCHECK_NAME_OBJECT && strcmp(kind, "interrupt") == 0) {
        sources[sources_named].object = object;
        sources[sources_named++].name = text;
    } else if (request == LOCKCHECK_HAND_OVER && source_name(object)) {
        append(handed_over, source_name(object));
    } else if (request == LOCKCHECK_TELL_OF && source_name(object)) {
        append(told_of, source_name(object));
    } else if (request == LOCKCHECK_NAME_OBJECT && strcmp(kind, "mapping") == 0) {
        named_object = object;
        strncpy(named, text, sizeof(named) - 1);
    } else if (request == LOCKCHECK_TELL_OF) {
        assert_ptr_equal(object, named_object);
        memcpy(mapping_name, named, sizeof(named));
        strncpy(relation, text, sizeof(relation) - 1);
        mapping_stacks = (int)argument;
    } else if (request == LOCKCHECK_FINDING) {
        assert_string_equal(kind, "dma-fault");
        strncpy(finding, text, sizeof(finding) - 1);
        atomic_fetch_add(&findings, 1);
    } else if (request == LOCKCHECK_WITHHOLD || request == LOCKCHECK_GRANT) {
        for (const unsigned char *byte = object; byte < (const unsigned char *)object + argument; byte++)
            if (byte >= watched && byte < watched + WATCHED)
                withheld[byte - watched] = request == LOCKCHECK_WITHHOLD ? 'x' : '.';
    } else if (request == LOCKCHECK_ON_WITHHELD_ACCESS) {
        on_access = object;
        assert_string_equal(on_access->kind, "dma-fault");
    }
}

/* --- Interrupts --- */

#define LINE 9u

static bool count_interrupt(unsigned line, void *context)
{
    (void)line;
    ++*(unsigned *)context;
    return true;
}

static bool refuse_interrupt(unsigned line, void *context)
{
    count_interrupt(line, context);
    return false;
}

static void level_is_delivered_once_until_unmasked(void **state)
{
    (void)state;
    unsigned taken = 0, source = irq_source_allocate("card");
    assert_true(irq_set_receiver(LINE, count_interrupt, &taken));
    irq_line_assert(LINE, source);
    irq_line_assert(LINE, source);
    assert_int_equal(taken, 1);
    assert_true(irq_line_state(LINE).masked);
    irq_line_deassert(LINE, source);
    irq_line_assert(LINE, source);
    assert_int_equal(taken, 1);
    irq_unmask(LINE);
    assert_int_equal(taken, 2);
    irq_line_deassert(LINE, source);
    irq_unmask(LINE);
    assert_int_equal(taken, 2);
    irq_mask(LINE);
    irq_line_assert(LINE, source);
    assert_int_equal(taken, 2);
    irq_line_deassert(LINE, source);
    irq_set_receiver(LINE, NULL, NULL);
}

static void lockcheck_hears_who_pulls_a_line(void **state)
{
    (void)state;
    unsigned left = irq_source_allocate("left"), right = irq_source_allocate("right");
    irq_source_allocate("idle");
    handed_over[0] = told_of[0] = '\0';
    irq_line_assert(LINE, right);
    irq_line_assert(LINE, left);
    irq_line_assert(LINE, left); /* it does already */
    assert_string_equal(handed_over, "right left ");
    irq_tell_of_sources(LINE);
    assert_string_equal(told_of, "left right ");

    told_of[0] = '\0';
    irq_source_connect(LINE, left, false);
    irq_tell_of_sources(LINE);
    assert_string_equal(told_of, "right ");
    irq_line_deassert(LINE, right);
    irq_tell_of_sources(LINE);
    assert_string_equal(told_of, "right ");
    irq_line_deassert(LINE, left);
    irq_source_connect(LINE, left, true);
}

static void shared_line_is_high_until_the_last_source_lets_go(void **state)
{
    (void)state;
    unsigned taken = 0, a = irq_source_allocate("card"), b = irq_source_allocate("card");
    irq_set_receiver(LINE, count_interrupt, &taken);
    irq_line_assert(LINE, a);
    irq_line_assert(LINE, b);
    irq_line_deassert(LINE, a);
    irq_unmask(LINE);
    assert_int_equal(taken, 2);
    irq_line_deassert(LINE, b);
    assert_false(irq_line_state(LINE).high);
    irq_set_receiver(LINE, NULL, NULL);
}

static void line_that_is_high_before_its_receiver_is_not_lost(void **state)
{
    (void)state;
    unsigned taken = 0, other = 0, source = irq_source_allocate("card");
    irq_line_assert(LINE, source);
    irq_unmask(LINE); /* nobody there */
    assert_true(irq_set_receiver(LINE, refuse_interrupt, &taken));
    assert_int_equal(taken, 1);
    /* It refused, so it is gone, and the next may come. */
    assert_true(irq_set_receiver(LINE, count_interrupt, &other));
    assert_false(irq_set_receiver(LINE, count_interrupt, &taken));
    assert_int_equal(other, 1);
    irq_line_deassert(LINE, source);
    irq_set_receiver(LINE, NULL, NULL);
}

static void message_is_delivered_once_or_stays_pending(void **state)
{
    (void)state;
    unsigned taken = 0, number = IRQ_LINES + 3;
    assert_false(irq_message(LINE));
    assert_false(irq_message(IRQ_NUMBERS));
    assert_true(irq_message(number)); /* nobody is there yet */
    assert_true(irq_set_receiver(number, count_interrupt, &taken));
    assert_int_equal(taken, 1);
    irq_unmask(number);
    assert_int_equal(taken, 1);
    irq_message(number);
    assert_int_equal(taken, 2);
    /* Masked since: two become one. */
    irq_message(number);
    irq_message(number);
    assert_int_equal(taken, 2);
    irq_unmask(number);
    assert_int_equal(taken, 3);
    irq_message(number);
    irq_set_receiver(number, NULL, NULL);
    irq_set_receiver(number, count_interrupt, &taken);
    assert_int_equal(taken, 3);
    irq_set_receiver(number, NULL, NULL);
}

static void source_that_is_cut_off_does_not_count(void **state)
{
    (void)state;
    unsigned taken = 0, source = irq_source_allocate("card");
    irq_set_receiver(LINE, count_interrupt, &taken);
    irq_source_connect(LINE, source, false);
    irq_line_assert(LINE, source);
    assert_int_equal(taken, 0);
    assert_true(irq_source_asserted(LINE, source));
    irq_source_connect(LINE, source, true);
    assert_int_equal(taken, 1);
    irq_line_deassert(LINE, source);
    irq_set_receiver(LINE, NULL, NULL);
}

static void noise_is_an_interrupt_of_no_source(void **state)
{
    (void)state;
    unsigned taken = 0;
    irq_set_receiver(LINE, count_interrupt, &taken);
    irq_line_pulse(LINE);
    assert_int_equal(taken, 1);
    assert_false(irq_line_state(LINE).high);
    irq_line_pulse(LINE); /* masked: it waits */
    assert_int_equal(taken, 1);
    irq_unmask(LINE);
    assert_int_equal(taken, 2);
    irq_unmask(LINE);
    assert_int_equal(taken, 2);
    irq_set_receiver(LINE, NULL, NULL);
}

#define TURNS 20000

static struct {
    atomic_bool level; /* of the device */
    atomic_uint handled;
    atomic_uint pending;
    unsigned source;
} storm;

static bool note_interrupt(unsigned line, void *context)
{
    (void)line;
    (void)context;
    atomic_fetch_add(&storm.pending, 1);
    return true;
}

static void *raise_interrupts(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < TURNS; i++) {
        irq_line_assert(LINE, storm.source);
        irq_line_deassert(LINE, storm.source);
    }
    irq_line_assert(LINE, storm.source);
    return NULL;
}

static void *handle_interrupts(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < TURNS; i++) {
        if (atomic_exchange(&storm.pending, 0) > 0) {
            atomic_fetch_add(&storm.handled, 1);
            irq_unmask(LINE);
        }
    }
    return NULL;
}

static void no_level_is_lost_between_two_threads(void **state)
{
    (void)state;
    pthread_t device, driver;
    storm.source = irq_source_allocate("card");
    irq_set_receiver(LINE, note_interrupt, NULL);
    pthread_create(&device, NULL, raise_interrupts, NULL);
    pthread_create(&driver, NULL, handle_interrupts, NULL);
    pthread_join(device, NULL);
    pthread_join(driver, NULL);
    /* High at the end: an interrupt is pending, or comes with the unmask. */
    if (storm.pending == 0)
        irq_unmask(LINE);
    assert_int_equal(storm.pending, 1);
    irq_line_deassert(LINE, storm.source);
    irq_set_receiver(LINE, NULL, NULL);
}

/* --- PCI --- */

struct chip {
    unsigned bar;
    uint32_t offset;
    unsigned size;
    uint32_t value;
};

static uint32_t chip_read(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    struct chip *chip = device;
    *chip = (struct chip){bar, offset, size, chip->value};
    return chip->value;
}

static void chip_write(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    *(struct chip *)device = (struct chip){bar, offset, size, value};
}

static const struct pci_function_ops chip_ops = {.read = chip_read, .write = chip_write};
static struct chip chip, second_chip;
static struct pci_function *function;

#define SLOT 3u
#define IO_BAR 0x10u
#define MEMORY_BAR 0x14u

static int plug_in(void **state)
{
    (void)state;
    struct pci_function_description description = {
        .name = "chip",
        .vendor_id = 0x10ec,
        .device_id = 0x8139,
        .subsystem_vendor_id = 0x1af4,
        .subsystem_id = 0x1100,
        .class_code = 0x020000,
        .revision = 0x20,
        .interrupt_pin = 1,
        .interrupt_line = 11,
        .bars = {{PCI_BAR_IO, 256}, {PCI_BAR_MEMORY, 256}},
        .ops = &chip_ops,
        .device = &chip,
    };
    machine_init();
    function = pci_function_register(SLOT, 0, &description);
    description.device = &second_chip;
    pci_function_register(SLOT, 1, &description);
    return 0;
}

static void configuration_space_tells_what_is_there(void **state)
{
    (void)state;
    assert_int_equal(pci_config_read(0, SLOT, 0, 0, 4), 0x813910ec);
    assert_int_equal(pci_config_read(0, SLOT, 0, 8, 4), 0x02000020);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x2c, 4), 0x11001af4);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x3c, 2), 0x010b);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x0e, 1), 0x80); /* more functions */
    assert_int_equal(pci_config_read(0, SLOT + 1, 0, 0, 4), 0xffffffff);
    assert_int_equal(pci_config_read(0, SLOT, 2, 0, 2), 0xffff);
    assert_int_equal(pci_config_read(1, SLOT, 0, 0, 1), 0xff);
    assert_ptr_equal(pci_function_find(0, SLOT, 0), function);
    pci_config_write(0, SLOT, 0, 0, 4, 0);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0, 4), 0x813910ec);
}

static void bar_tells_its_size(void **state)
{
    (void)state;
    uint32_t io = pci_config_read(0, SLOT, 0, IO_BAR, 4), memory = pci_config_read(0, SLOT, 0, MEMORY_BAR, 4);
    assert_int_equal(io & 3, 1);
    assert_int_equal(memory & 15, 0);
    pci_config_write(0, SLOT, 0, IO_BAR, 4, 0xffffffff);
    pci_config_write(0, SLOT, 0, MEMORY_BAR, 4, 0xffffffff);
    assert_int_equal(pci_config_read(0, SLOT, 0, IO_BAR, 4), 0xffffff01);
    assert_int_equal(pci_config_read(0, SLOT, 0, MEMORY_BAR, 4), 0xffffff00);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x18, 4), 0);
    pci_config_write(0, SLOT, 0, IO_BAR, 4, io);
    pci_config_write(0, SLOT, 0, MEMORY_BAR, 4, memory);
}

static void registers_answer_only_while_decoding_is_on(void **state)
{
    (void)state;
    uint16_t port = (uint16_t)(pci_config_read(0, SLOT, 0, IO_BAR, 4) & ~3u);
    uint32_t phys = pci_config_read(0, SLOT, 0, MEMORY_BAR, 4);
    volatile char *registers = machine_mmio_map(phys, 256);
    assert_non_null(registers);
    assert_null(machine_mmio_map(phys, 257 + 256));
    assert_null(machine_mmio_map(0x1000, 4));

    chip.value = 0x12345678;
    assert_int_equal(machine_in32(port), 0xffffffff);
    assert_int_equal(machine_mmio_read16(registers), 0xffff);
    pci_config_write(0, SLOT, 0, 4, 2, PCI_COMMAND_IO_BIT | PCI_COMMAND_MEMORY_BIT);
    assert_int_equal(machine_in32(port + 4), 0x12345678);
    assert_int_equal(chip.offset, 4);
    assert_int_equal(chip.bar, 0);
    assert_int_equal(machine_mmio_read8(registers + 0x37), 0x78);
    assert_int_equal(chip.offset, 0x37);
    assert_int_equal(chip.bar, 1);
    assert_int_equal(chip.size, 1);
    machine_mmio_write16(registers + 0x3c, 0xbeef);
    assert_int_equal(chip.value, 0xbeef);
    machine_out8(port + 0x50, 0xc0);
    assert_int_equal(chip.value, 0xc0);
    /* Across the end of the BAR nothing answers. */
    assert_int_equal(machine_mmio_read32(registers + 254), 0xffffffff);

    /* Moved elsewhere, it answers there. */
    pci_config_write(0, SLOT, 0, IO_BAR, 4, 0xe000);
    assert_int_equal(machine_in8(port), 0xff);
    assert_int_equal(machine_in8(0xe000), 0xc0);
    pci_config_write(0, SLOT, 0, IO_BAR, 4, port);
    pci_config_write(0, SLOT, 0, 4, 2, 0);
}

static void configuration_mechanism_one_reaches_the_function(void **state)
{
    (void)state;
    assert_int_equal(machine_in32(0xcfc), 0xffffffff); /* not enabled */
    machine_out32(0xcf8, 0x80000000 | SLOT << 11);
    assert_int_equal(machine_in32(0xcf8), 0x80000000 | SLOT << 11);
    assert_int_equal(machine_in32(0xcfc), 0x813910ec);
    assert_int_equal(machine_in16(0xcfe), 0x8139);
    machine_out32(0xcf8, 0x80000000 | SLOT << 11 | 0x3c);
    machine_out8(0xcfc, 5);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x3c, 1), 5);
    machine_out8(0xcfc, 11);
    machine_out32(0xcf8, 0);
}

static void function_drives_its_line(void **state)
{
    (void)state;
    pci_function_set_interrupt(function, true);
    assert_true(irq_line_state(11).high);
    pci_function_set_interrupt(function, false);
    assert_false(irq_line_state(11).high);
}

static void model_lays_out_its_own_registers(void **state)
{
    (void)state;
    pci_function_set_config(function, 0x52, 2, 0x0201, 0x00ff);
    pci_config_write(0, SLOT, 0, 0x52, 2, 0xffff);
    assert_int_equal(pci_config_read(0, SLOT, 0, 0x52, 2), 0x02ff);
}

/* --- Capabilities, and BARs of 64 bits --- */

#define CAPABLE_SLOT 5u
#define CAPABILITIES_POINTER 0x34u
#define WIDE_BAR 0x10u

static unsigned config_reads, config_writes, config_offset;
static struct pci_function *capable;

static void note_config_reading(void *device, unsigned offset, unsigned size)
{
    (void)device;
    (void)size;
    config_reads++;
    config_offset = offset;
}

static void note_config_written(void *device, unsigned offset, unsigned size)
{
    note_config_reading(device, offset, size);
    config_reads--;
    config_writes++;
}

static void plug_in_capable(void)
{
    static const struct pci_function_ops ops = {chip_read, chip_write, note_config_reading,
                                                note_config_written, NULL};
    const struct pci_function_description description = {
        .name = "capable",
        .vendor_id = 0x1af4,
        .device_id = 0x1041,
        .bars = {{PCI_BAR_MEMORY, 0x4000, .wide = true, .prefetchable = true}},
        .ops = &ops,
        .device = &chip,
    };
    capable = pci_function_register(CAPABLE_SLOT, 0, &description);
}

static unsigned read_capable(unsigned offset, unsigned size)
{
    return pci_config_read(0, CAPABLE_SLOT, 0, offset, size);
}

static void function_without_capabilities_has_no_list(void **state)
{
    (void)state;
    plug_in_capable();
    assert_int_equal(pci_config_read(0, SLOT, 0, 6, 2) & 0x10, 0);
    assert_int_equal(pci_config_read(0, SLOT, 0, CAPABILITIES_POINTER, 1), 0);
}

static void capabilities_are_a_list(void **state)
{
    (void)state;
    static const uint8_t power[] = {1, 2, 3, 4, 5, 6}, vendor[] = {7, 8, 9}, mask[] = {0, 0xf0, 0xff};
    assert_int_equal(pci_function_add_capability(capable, 0xdc, 0x01, power, NULL, sizeof(power)), 0xdc);
    assert_int_equal(pci_function_add_capability(capable, 0x40, 0x09, vendor, mask, sizeof(vendor)), 0x40);
    assert_int_equal(pci_function_add_capability(capable, 0, 0x09, vendor, NULL, sizeof(vendor)), 0x48);

    assert_int_equal(read_capable(6, 2) & 0x10, 0x10);
    assert_int_equal(read_capable(CAPABILITIES_POINTER, 1), 0xdc);
    assert_int_equal(read_capable(0xdc, 4), 0x02014001);
    assert_int_equal(read_capable(0x40, 4), 0x08074809);
    assert_int_equal(read_capable(0x48, 2), 0x0009);

    pci_config_write(0, CAPABLE_SLOT, 0, 0x40, 4, 0xffffffff);
    pci_config_write(0, CAPABLE_SLOT, 0, 0x44, 1, 0x12);
    assert_int_equal(read_capable(0x40, 4), 0xf8074809);
    assert_int_equal(pci_function_get_config(capable, 0x44, 1), 0x12);
}

static void model_hears_of_accesses_behind_the_header(void **state)
{
    (void)state;
    config_reads = config_writes = 0;
    read_capable(0x3c, 4);
    pci_config_write(0, CAPABLE_SLOT, 0, 0x0c, 1, 8);
    assert_int_equal(config_reads + config_writes, 0);
    read_capable(0x44, 2);
    assert_int_equal(config_reads, 1);
    assert_int_equal(config_offset, 0x44);
    pci_config_write(0, CAPABLE_SLOT, 0, 0x48, 1, 8);
    assert_int_equal(config_writes, 1);
    assert_int_equal(config_offset, 0x48);
}

static void wide_bar_lies_and_moves_above_4_gib(void **state)
{
    (void)state;
    uint32_t low = read_capable(WIDE_BAR, 4), high = read_capable(WIDE_BAR + 4, 4);
    uint64_t phys = (uint64_t)high << 32 | (low & ~15u);
    assert_int_equal(low & 15, 0xc); /* 64 bits, prefetchable */
    assert_true(high > 0);
    pci_config_write(0, CAPABLE_SLOT, 0, WIDE_BAR, 4, 0xffffffff);
    pci_config_write(0, CAPABLE_SLOT, 0, WIDE_BAR + 4, 4, 0xffffffff);
    assert_int_equal(read_capable(WIDE_BAR, 4), 0xffffc00c);
    assert_int_equal(read_capable(WIDE_BAR + 4, 4), 0xffffffff);

    pci_config_write(0, CAPABLE_SLOT, 0, WIDE_BAR, 4, low);
    pci_config_write(0, CAPABLE_SLOT, 0, WIDE_BAR + 4, 4, high + 1);
    pci_config_write(0, CAPABLE_SLOT, 0, 4, 2, PCI_COMMAND_MEMORY_BIT);
    assert_null(machine_mmio_map(phys, 4));
    assert_null(machine_mmio_map(low & ~15u, 4));
    volatile char *registers = machine_mmio_map(phys + (UINT64_C(1) << 32), 0x4000);
    assert_non_null(registers);
    machine_mmio_write32(registers + 0x3ffc, 0xcafe);
    assert_int_equal(chip.offset, 0x3ffc);
    assert_int_equal(chip.value, 0xcafe);
    pci_config_write(0, CAPABLE_SLOT, 0, WIDE_BAR + 4, 4, high);
    assert_int_equal(machine_mmio_read32(registers), 0xffffffff);
    pci_config_write(0, CAPABLE_SLOT, 0, 4, 2, 0);
}

/* --- Messages of functions --- */

#define MESSAGE_SLOT 6u
#define MSI 0x40u
#define MSIX 0x60u
#define MESSAGE_BAR 0x14u
#define MESSAGE_PIN_LINE 12u
#define TABLE_OFFSET 0x40u
#define PENDING_OFFSET 0x80u
#define FIRST_MESSAGE (IRQ_LINES + 8)

static struct pci_function *messenger;

static void write_messenger(unsigned offset, unsigned size, uint32_t value)
{
    pci_config_write(0, MESSAGE_SLOT, 0, offset, size, value);
}

static uint32_t read_messenger(unsigned offset, unsigned size)
{
    return pci_config_read(0, MESSAGE_SLOT, 0, offset, size);
}

static volatile char *messenger_registers(void)
{
    return machine_mmio_map(read_messenger(MESSAGE_BAR, 4), 256);
}

static int plug_in_messenger(void **state)
{
    (void)state;
    const struct pci_function_description description = {
        .name = "messenger",
        .vendor_id = 0x1af4,
        .device_id = 0x1000,
        .interrupt_pin = 1,
        .interrupt_line = MESSAGE_PIN_LINE,
        .bars = {[1] = {.kind = PCI_BAR_MEMORY, .size = 256}},
        .ops = &chip_ops,
        .device = &chip,
    };
    const struct pci_msix_layout layout = {.vectors = 2,
                                           .table_bar = 1,
                                           .table_offset = TABLE_OFFSET,
                                           .pending_bar = 1,
                                           .pending_offset = PENDING_OFFSET};
    if (!messenger) {
        messenger = pci_function_register(MESSAGE_SLOT, 0, &description);
        pci_function_add_msi(messenger, MSI, 4);
        pci_function_add_msix(messenger, MSIX, &layout);
    }
    write_messenger(4, 2, PCI_COMMAND_MEMORY_BIT | PCI_COMMAND_MASTER_BIT);
    return 0;
}

static int unplug_messenger(void **state)
{
    (void)state;
    write_messenger(MSI + 2, 2, 0);
    write_messenger(MSIX + 2, 2, 0);
    write_messenger(4, 2, 0);
    return 0;
}

/* How many interrupts that number has had since the last call. */
static unsigned interrupts_of(unsigned number)
{
    static unsigned taken[IRQ_NUMBERS], seen[IRQ_NUMBERS];
    irq_set_receiver(number, count_interrupt, &taken[number]);
    irq_unmask(number);
    unsigned count = taken[number] - seen[number];
    seen[number] = taken[number];
    return count;
}

static void msi_sends_the_vectors_that_were_granted(void **state)
{
    (void)state;
    assert_int_equal(read_messenger(MSI, 4), 0x01846005);
    for (unsigned i = 0; i < 4; i++)
        interrupts_of(FIRST_MESSAGE + i);
    pci_function_message(messenger, 0);
    assert_int_equal(interrupts_of(FIRST_MESSAGE), 0); /* not enabled */
    assert_int_equal(pci_function_interrupts(messenger), PCI_INTERRUPTS_PIN);

    write_messenger(MSI + 4, 4, (uint32_t)IRQ_MESSAGE_ADDRESS);
    write_messenger(MSI + 12, 2, FIRST_MESSAGE);
    write_messenger(MSI + 2, 2, 0x11); /* two of the four */
    assert_int_equal(pci_function_interrupts(messenger), PCI_INTERRUPTS_MSI);
    pci_function_message(messenger, 1);
    pci_function_message(messenger, 2);
    assert_int_equal(interrupts_of(FIRST_MESSAGE), 1);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 1), 1);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 2), 0);

    write_messenger(MSI + 16, 4, 2); /* mask vector 1 */
    pci_function_message(messenger, 1);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 1), 0);
    assert_int_equal(read_messenger(MSI + 20, 4), 2);
    write_messenger(MSI + 16, 4, 0);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 1), 1);
    assert_int_equal(read_messenger(MSI + 20, 4), 0);

    write_messenger(4, 2, 0);
    pci_function_message(messenger, 0);
    assert_int_equal(interrupts_of(FIRST_MESSAGE), 0); /* no bus master */
}

static void write_entry(unsigned vector, uint32_t address, uint32_t data, uint32_t control)
{
    volatile char *entry = messenger_registers() + TABLE_OFFSET + vector * PCI_MSIX_ENTRY_BYTES;
    machine_mmio_write32(entry, address);
    machine_mmio_write32(entry + 4, 0);
    machine_mmio_write32(entry + 8, data);
    machine_mmio_write32(entry + 12, control);
}

static void msix_table_says_what_each_vector_sends(void **state)
{
    (void)state;
    volatile char *registers = messenger_registers();
    assert_int_equal(read_messenger(MSIX, 4), 0x00010011);
    assert_int_equal(read_messenger(MSIX + 4, 4), TABLE_OFFSET | 1);
    assert_int_equal(machine_mmio_read32(registers + TABLE_OFFSET + 12), 1); /* masked */
    chip.offset = 0;
    write_entry(0, (uint32_t)IRQ_MESSAGE_ADDRESS, FIRST_MESSAGE + 5, 0);
    write_entry(1, (uint32_t)IRQ_MESSAGE_ADDRESS, FIRST_MESSAGE + 2, 1);
    assert_int_equal(chip.offset, 0); /* the model has seen nothing */
    assert_int_equal(machine_mmio_read32(registers + TABLE_OFFSET + 8), FIRST_MESSAGE + 5);
    interrupts_of(FIRST_MESSAGE + 5);
    interrupts_of(FIRST_MESSAGE + 2);

    write_messenger(MSIX + 2, 2, 0xc000); /* enabled, all masked */
    assert_int_equal(pci_function_interrupts(messenger), PCI_INTERRUPTS_MSIX);
    pci_function_message(messenger, 0);
    pci_function_message(messenger, 1);
    pci_function_message(messenger, 1);
    assert_int_equal(machine_mmio_read32(registers + PENDING_OFFSET), 3);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 5), 0);
    write_messenger(MSIX + 2, 2, 0x8000);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 5), 1);
    assert_int_equal(machine_mmio_read32(registers + PENDING_OFFSET), 2);
    machine_mmio_write32(registers + TABLE_OFFSET + 16 + 12, 0);
    assert_int_equal(interrupts_of(FIRST_MESSAGE + 2), 1);
    assert_int_equal(machine_mmio_read32(registers + PENDING_OFFSET), 0);
}

static void messages_and_the_command_register_cut_off_the_pin(void **state)
{
    (void)state;
    write_messenger(MSIX + 2, 2, 0x8000);
    pci_function_set_interrupt(messenger, true);
    assert_false(irq_line_state(MESSAGE_PIN_LINE).high);
    assert_int_equal(read_messenger(6, 2) & 8, 8);
    write_messenger(MSIX + 2, 2, 0);
    assert_true(irq_line_state(MESSAGE_PIN_LINE).high);
    write_messenger(4, 2, 0x400);
    assert_false(irq_line_state(MESSAGE_PIN_LINE).high);
    write_messenger(4, 2, 0);
    assert_true(irq_line_state(MESSAGE_PIN_LINE).high);
    pci_function_set_interrupt(messenger, false);
    assert_false(irq_line_state(MESSAGE_PIN_LINE).high);
    assert_int_equal(read_messenger(6, 2) & 8, 0);
}

static void message_elsewhere_is_a_write_and_to_nobody_a_fault(void **state)
{
    (void)state;
    uint32_t word = 0;
    uint64_t bus = iommu_map(pci_function_dma(messenger), &word, sizeof(word), IOMMU_FROM_DEVICE);
    unsigned before = findings;
    write_entry(0, (uint32_t)bus, 0x1234, 0);
    write_messenger(MSIX + 2, 2, 0x8000);
    pci_function_message(messenger, 0);
    assert_int_equal(word, 0x1234);
    iommu_unmap(pci_function_dma(messenger), bus, sizeof(word));
    assert_int_equal(findings, before);
    pci_function_message(messenger, 0);
    assert_int_equal(findings, before + 1);
    write_entry(0, (uint32_t)IRQ_MESSAGE_ADDRESS, IRQ_NUMBERS, 0);
    pci_function_message(messenger, 0);
    assert_int_equal(findings, before + 2);
    assert_non_null(strstr(finding, "data 0x40, which is nobody's"));
}

static void an_access_without_an_answer_shows_in_the_status(void **state)
{
    (void)state;
    const unsigned received_master_abort = 0x2000;
    struct dma_device *dma = pci_function_dma(messenger);
    uint32_t word = 0;
    uint64_t bus = iommu_map(dma, &word, sizeof(word), IOMMU_TO_DEVICE);
    write_messenger(6, 2, 0xffff);
    assert_true(dma_read(dma, bus, &word, sizeof(word), NULL));
    assert_int_equal(read_messenger(6, 2) & received_master_abort, 0);
    dma_device_abort_next(dma);
    assert_false(dma_read(dma, bus, &word, sizeof(word), NULL));
    assert_true(dma_read(dma, bus, &word, sizeof(word), NULL));
    assert_int_equal(read_messenger(6, 2) & received_master_abort, received_master_abort);
    assert_int_equal(read_messenger(4, 4) >> 16 & received_master_abort, received_master_abort);
    assert_int_equal(read_messenger(7, 1), received_master_abort >> 8);
    assert_int_equal(read_messenger(6, 1), 0x10); /* capabilities */
    write_messenger(6, 2, (uint16_t)~received_master_abort);
    write_messenger(6, 1, received_master_abort >> 8);
    write_messenger(4, 2, PCI_COMMAND_MEMORY_BIT | PCI_COMMAND_MASTER_BIT | received_master_abort);
    assert_int_equal(read_messenger(7, 1), received_master_abort >> 8);
    write_messenger(6, 2, received_master_abort); /* writing 1 clears it */
    assert_int_equal(read_messenger(7, 1), 0);
    assert_false(dma_write(dma, bus, &word, sizeof(word), NULL)); /* refused */
    assert_int_equal(read_messenger(7, 1), received_master_abort >> 8);
    write_messenger(7, 1, 0xff);
    assert_int_equal(read_messenger(7, 1), 0);
    write_messenger(4, 2, PCI_COMMAND_MEMORY_BIT);
    assert_false(dma_read(dma, bus, &word, sizeof(word), NULL)); /* not made */
    assert_int_equal(read_messenger(7, 1), 0);
    iommu_unmap(dma, bus, sizeof(word));
}

static void function_that_is_taken_out_is_not_there(void **state)
{
    (void)state;
    unsigned before = findings, taken = 0;
    uint32_t word = 0;
    struct dma_device *dma = pci_function_dma(messenger);
    uint64_t bus = iommu_map(dma, &word, sizeof(word), IOMMU_BIDIRECTIONAL);
    irq_set_receiver(IRQ_LINES + 1, count_interrupt, &taken);
    write_entry(0, (uint32_t)IRQ_MESSAGE_ADDRESS, IRQ_LINES + 1, 0);
    write_messenger(MSIX + 2, 2, 0x8000);
    pci_function_pulse_interrupt(messenger);
    assert_int_equal(taken, 1);
    irq_unmask(IRQ_LINES + 1);
    pci_function_set_interrupt(messenger, true);
    assert_true(dma_read(dma, bus, &word, sizeof(word), NULL));

    pci_function_unplug(messenger);
    assert_int_equal(read_messenger(0, 4), UINT32_MAX);
    assert_int_equal(read_messenger(MSIX + 2, 2), 0xffff);
    pci_function_message(messenger, 0);
    pci_function_pulse_interrupt(messenger);
    assert_int_equal(taken, 1);
    pci_function_set_interrupt(messenger, true);
    assert_false(irq_line_state(MESSAGE_PIN_LINE).high);
    write_messenger(4, 2, PCI_COMMAND_MASTER_BIT);
    assert_false(dma_read(dma, bus, &word, sizeof(word), NULL));
    assert_int_equal(findings, before);
    iommu_unmap(dma, bus, sizeof(word));
    irq_set_receiver(IRQ_LINES + 1, NULL, NULL);
}

/* --- DMA --- */

static void physical_memory_is_given_and_taken_back(void **state)
{
    (void)state;
    uint64_t a, b, c, d;
    char *first = dma_memory_allocate(1, 0, UINT32_MAX, 0, &a);
    char *second = dma_memory_allocate(8193, 0, UINT32_MAX, 16384, &b);
    assert_int_equal(first[0], 0);
    assert_int_equal(b % 16384, 0);
    assert_true(dma_memory_physical(second + 5000, &c));
    assert_int_equal(c, b + 5000);
    assert_ptr_equal(dma_memory_virtual(c), second + 5000);
    assert_false(dma_memory_physical(&a, &c));
    memset(first, 0xff, 4096);
    dma_memory_free(first, 1);
    first = dma_memory_allocate(4096, 0, UINT32_MAX, 0, &d);
    assert_int_equal(d, a);
    assert_int_equal(first[4095], 0);
    assert_null(dma_memory_allocate(DMA_PHYSICAL_BYTES + 1, 0, UINT32_MAX, 0, &d));
    assert_null(dma_memory_allocate(DMA_PHYSICAL_BYTES, 0, UINT32_MAX, 0, &d));
    dma_memory_free(first, 4096);
    dma_memory_free(second, 8193);
    char *all = dma_memory_allocate(DMA_PHYSICAL_BYTES, 0, UINT32_MAX, 0, &d);
    assert_non_null(all);
    dma_memory_free(all, DMA_PHYSICAL_BYTES);
}

static struct dma_device *new_device(void)
{
    struct dma_device *device = dma_device_create("test device");
    dma_device_set_master(device, true);
    return device;
}

static void expect_fault(struct dma_device *device, unsigned long *faults, const char *words)
{
    ++*faults;
    assert_int_equal(dma_fault_count(device), *faults);
    assert_int_equal(findings, *faults);
    assert_non_null(strstr(finding, words));
}

static void access_outside_a_mapping_is_refused(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *device = new_device();
    unsigned long faults = 0;
    unsigned char memory[64] = "frame", buffer[64] = {0}, unchanged[64] = "frame";
    uint64_t read_only = iommu_map(device, memory, sizeof(memory), IOMMU_TO_DEVICE);
    assert_true(dma_read(device, read_only, buffer, sizeof(buffer), NULL));
    assert_memory_equal(buffer, memory, sizeof(memory));
    assert_true(dma_read(device, read_only + 1, buffer, 4, NULL));
    assert_memory_equal(buffer, "rame", 4);
    assert_int_equal(findings, 0);

    assert_false(dma_read(device, read_only + 1, buffer, sizeof(buffer), NULL));
    expect_fault(device, &faults, "reads 64 bytes");
    assert_false(dma_read(device, read_only - 1, buffer, 1, NULL));
    expect_fault(device, &faults, "nothing is mapped");
    assert_false(dma_read(device, read_only + sizeof(memory), buffer, 1, NULL));
    expect_fault(device, &faults, "nothing is mapped");
    memset(buffer, 0xee, sizeof(buffer));
    assert_false(dma_write(device, read_only, buffer, 4, NULL));
    expect_fault(device, &faults, "mapped for reading only");
    assert_memory_equal(memory, unchanged, sizeof(memory));

    uint64_t physical;
    void *contiguous = dma_memory_allocate(4096, 0, UINT32_MAX, 0, &physical);
    assert_false(dma_write(device, physical, buffer, 4, NULL));
    expect_fault(device, &faults, "writes 4 bytes");
    dma_memory_free(contiguous, 4096);

    iommu_unmap(device, read_only, sizeof(memory) - 1);
    expect_fault(device, &faults, "not a mapping");
    assert_int_equal(dma_mapping_count(device), 1);
    iommu_unmap(device, read_only, sizeof(memory));
    assert_int_equal(dma_mapping_count(device), 0);
    assert_false(dma_read(device, read_only, buffer, 1, NULL));
    expect_fault(device, &faults, "nothing is mapped");
}

/* The last finding is about this mapping, of which so many stacks are shown. */
static void expect_mapping(const char *name, const char *how, int stacks)
{
    assert_string_equal(mapping_name, name);
    assert_string_equal(relation, how);
    assert_int_equal(mapping_stacks, stacks);
    mapping_name[0] = '\0';
}

static void check_freed_while_mapped(struct dma_device *device, unsigned long faults)
{
    static unsigned char memory[3 * DMA_PAGE_BYTES], *piece = memory + 5000;
    uint64_t bus = iommu_map(device, piece, 64, IOMMU_TO_DEVICE);
    char name[128];

    snprintf(name, sizeof(name), "mapping of 64 bytes at 0x%lx by one", (unsigned long)bus);
    iommu_check_freed(NULL, 0);
    iommu_check_freed(memory, 5000);
    iommu_check_freed(piece + 64, sizeof(memory) - 5064);
    assert_int_equal(findings, faults);
    iommu_check_freed(piece - 99, 100);
    expect_fault(device, &faults, "memory is freed that device one may still use");
    expect_mapping(name, "the mapping of that memory", 1);
    iommu_check_freed(memory, sizeof(memory));
    expect_fault(device, &faults, "memory is freed that device one may still use");
    iommu_unmap(device, bus, 64);
    iommu_check_freed(memory, sizeof(memory));
    assert_int_equal(findings, faults);
}

static void a_fault_names_the_mapping_that_it_missed(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *device = dma_device_create("one"), *other = dma_device_create("two");
    unsigned long faults = 0;
    char octet = 0, name[128], others_name[128];
    uint64_t physical;
    unsigned char *memory = dma_memory_allocate(64, 0, UINT32_MAX, 0, &physical);
    uint64_t bus = iommu_map(device, memory, 64, IOMMU_TO_DEVICE);
    uint64_t others = iommu_map(other, memory, 32, IOMMU_BIDIRECTIONAL);

    dma_device_set_master(device, true);
    snprintf(name, sizeof(name), "mapping of 64 bytes at 0x%lx by one", (unsigned long)bus);
    snprintf(others_name, sizeof(others_name), "mapping of 32 bytes at 0x%lx by two", (unsigned long)others);

    dma_write(device, bus, &octet, 1, NULL);
    expect_fault(device, &faults, "mapped for reading only");
    expect_mapping(name, "the mapping there", 1);
    dma_read(device, bus + 64, &octet, 1, NULL);
    expect_fault(device, &faults, "a mapping ends 0 bytes before it");
    expect_mapping(name, "the nearest mapping", 1);
    dma_read(device, bus - 1, &octet, 1, NULL);
    expect_fault(device, &faults, "a mapping begins 1 bytes behind it");
    expect_mapping(name, "the nearest mapping", 1);
    dma_read(device, physical + 3, &octet, 1, NULL);
    expect_fault(device, &faults, "a physical address");
    expect_mapping(name, "the mapping of that memory", 1);
    dma_read(device, others + 31, &octet, 1, NULL);
    expect_fault(device, &faults, "device two has memory there");
    expect_mapping(others_name, "the mapping there", 1);

    iommu_unmap(other, others, 32);
    dma_read(device, others + 31, &octet, 1, NULL);
    expect_fault(device, &faults, "device two had memory there");
    expect_mapping(others_name, "the mapping that has ended there", 2);
    iommu_unmap(device, bus, 64);
    dma_read(device, bus, &octet, 1, NULL);
    expect_fault(device, &faults, "device one had memory there");
    expect_mapping(name, "the mapping that has ended there", 2);
    dma_read(device, IOMMU_BUS_BASE - 1, &octet, 1, NULL); /* far from all */
    expect_fault(device, &faults, "where nothing is mapped");
    assert_string_equal(mapping_name, "");
    dma_memory_free(memory, 64);
    check_freed_while_mapped(device, faults);
}

static void the_last_mappings_that_ended_are_remembered(void **state)
{
    (void)state;
    static char memory[16];
    findings = 0;
    struct dma_device *device = new_device();
    uint64_t bus[IOMMU_ENDED_KEPT];
    char octet;

    for (unsigned i = 0; i < IOMMU_ENDED_KEPT; i++) {
        bus[i] = iommu_map(device, memory, sizeof(memory), IOMMU_TO_DEVICE);
        iommu_unmap(device, bus[i], sizeof(memory));
    }
    for (unsigned i = 0; i < IOMMU_ENDED_KEPT; i++) {
        dma_read(device, bus[i], &octet, 1, NULL);
        assert_non_null(strstr(finding, "had memory there"));
        assert_int_equal(mapping_stacks, 2);
    }
    mapping_name[0] = '\0';
}

static void mappings_left_behind_are_told(void **state)
{
    (void)state;
    static char memory[16];
    findings = 0;
    struct dma_device *device = new_device();
    uint64_t bus = iommu_map(device, memory, sizeof(memory), IOMMU_TO_DEVICE);
    unsigned long faults = 0;

    iommu_report_left(device, "the driver has left");
    expect_fault(device, &faults, "the driver has left");
    assert_string_equal(relation, "a mapping that is left");
    iommu_unmap(device, bus, sizeof(memory));
    mapping_name[0] = '\0';
    iommu_report_left(device, "nothing");
    expect_fault(device, &faults, "nothing");
    assert_string_equal(mapping_name, "");
}

static void access_without_an_answer_is_one_and_no_fault_of_the_driver(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *device = new_device();
    unsigned char memory[4] = "abc", buffer[4] = {0};
    uint64_t bus = iommu_map(device, memory, sizeof(memory), IOMMU_BIDIRECTIONAL);
    dma_device_abort_next(device);
    assert_false(dma_read(device, bus, buffer, sizeof(buffer), NULL));
    assert_int_equal(buffer[0], 0);
    assert_true(dma_read(device, bus, buffer, sizeof(buffer), NULL));
    dma_device_abort_next(device);
    assert_false(dma_write(device, bus, "xyz", 4, NULL));
    assert_memory_equal(memory, "abc", 4);
    assert_true(dma_write(device, bus, "xyz", 4, NULL));
    assert_int_equal(findings, 0);
    assert_int_equal(dma_fault_count(device), 0);
    iommu_unmap(device, bus, sizeof(memory));
}

static void mappings_end_as_they_were_made(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *device = new_device();
    unsigned long faults = 0;
    unsigned char memory[64];
    uint64_t bus = iommu_map_for(device, memory, sizeof(memory), IOMMU_FROM_DEVICE, "a page");
    iommu_unmap_for(device, bus, sizeof(memory), IOMMU_FROM_DEVICE, "a page");
    assert_int_equal(dma_mapping_count(device), 0);
    assert_int_equal(findings, 0);
    iommu_unmap_for(device, bus, sizeof(memory), IOMMU_FROM_DEVICE, "a page");
    expect_fault(device, &faults, "not a mapping");

    bus = iommu_map_for(device, memory, sizeof(memory), IOMMU_FROM_DEVICE, "a page");
    iommu_unmap_for(device, bus, sizeof(memory), IOMMU_TO_DEVICE, "a page");
    expect_fault(device, &faults, "for reading, but has mapped them for writing");
    assert_int_equal(dma_mapping_count(device), 0);
    bus = iommu_map_for(device, memory, sizeof(memory), IOMMU_FROM_DEVICE, "a page");
    iommu_unmap_for(device, bus, sizeof(memory), IOMMU_FROM_DEVICE, "a single piece");
    expect_fault(device, &faults, "as a single piece, but has mapped them as a page");
}

/* One for all about syncs, since devices are few. */
static struct dma_device *synced_device(unsigned long *faults)
{
    static struct dma_device *device;
    if (!device)
        device = new_device();
    *faults = dma_fault_count(device);
    findings = (unsigned)*faults;
    return device;
}

static void syncs_stay_in_a_mapping_and_its_direction(void **state)
{
    (void)state;
    unsigned long faults;
    struct dma_device *device = synced_device(&faults);
    unsigned char memory[64];
    uint64_t bus = iommu_map(device, memory, sizeof(memory), IOMMU_FROM_DEVICE);
    iommu_sync_for_cpu(device, bus, sizeof(memory), IOMMU_FROM_DEVICE);
    iommu_sync_for_cpu(device, bus + 63, 1, IOMMU_FROM_DEVICE);
    assert_int_equal(findings, faults);
    iommu_sync_for_cpu(device, bus + 1, sizeof(memory), IOMMU_FROM_DEVICE);
    expect_fault(device, &faults, "do not lie in a mapping");
    iommu_sync_for_cpu(device, bus, sizeof(memory), IOMMU_BIDIRECTIONAL);
    expect_fault(device, &faults, "for both, but has mapped them for writing");
    iommu_unmap(device, bus, sizeof(memory));
    iommu_sync_for_cpu(device, bus, 1, IOMMU_FROM_DEVICE);
    expect_fault(device, &faults, "do not lie in a mapping");
}

/* Map `watched`, and forget what was withheld of it. */
static uint64_t map_watched(struct dma_device *device, enum iommu_direction direction)
{
    memset(watched, 0, WATCHED);
    memset(withheld, '.', WATCHED);
    uint64_t bus = iommu_map_streaming(device, watched, WATCHED, direction, "a page");
    iommu_note_checked(device, bus);
    return bus;
}

static void a_streaming_mapping_is_looked_at_before_the_unmap(void **state)
{
    (void)state;
    unsigned long faults;
    struct dma_device *device = synced_device(&faults);
    uint64_t first = iommu_map_streaming(device, watched, 1, IOMMU_TO_DEVICE, "a page");
    uint64_t second = iommu_map_streaming(device, watched, 2, IOMMU_TO_DEVICE, "a page");
    iommu_note_checked(device, first);
    iommu_note_checked(device, 0); /* no mapping, nor is the next */
    iommu_note_checked(device, UINT64_MAX);
    iommu_unmap_for(device, first, 1, IOMMU_TO_DEVICE, "a page");
    assert_int_equal(findings, faults);
    iommu_unmap_for(device, second, 2, IOMMU_TO_DEVICE, "a page");
    expect_fault(device, &faults, "without having looked whether mapping them had failed");
    assert_string_equal(relation, "the mapping there");
}

static void what_changes_while_the_device_has_it_is_synced_before_the_unmap(void **state)
{
    (void)state;
    unsigned long faults;
    struct dma_device *device = synced_device(&faults);
    unsigned char buffer[WATCHED];
    uint64_t bus = map_watched(device, IOMMU_TO_DEVICE);
    watched[3] = watched[5] = 1;
    iommu_sync_for_device(device, bus + 3, 1, IOMMU_TO_DEVICE);
    assert_true(dma_read(device, bus, buffer, 5, NULL)); /* all that has changed there was synced */
    iommu_unmap_for(device, bus, WATCHED, IOMMU_TO_DEVICE, "a page");
    assert_int_equal(findings, faults);

    bus = map_watched(device, IOMMU_TO_DEVICE);
    watched[3] = watched[5] = 1;
    assert_true(dma_read(device, bus, buffer, WATCHED, NULL));
    assert_int_equal(buffer[5], 1);                               /* the machine is coherent */
    iommu_sync_for_device(device, bus, WATCHED, IOMMU_TO_DEVICE); /* still in time */
    iommu_unmap_for(device, bus, WATCHED, IOMMU_TO_DEVICE, "a page");
    assert_int_equal(findings, faults);

    bus = map_watched(device, IOMMU_TO_DEVICE);
    watched[3] = watched[5] = 1;
    assert_true(dma_read(device, bus, buffer, WATCHED, NULL));
    iommu_sync_for_device(device, bus, 5, IOMMU_TO_DEVICE);
    iommu_unmap_for(device, bus, WATCHED, IOMMU_TO_DEVICE, "a page");
    expect_fault(device, &faults, "whose bytes 3 to 5 the device has accessed after they had been changed");
    assert_string_equal(relation, "the mapping there");

    bus = map_watched(device, IOMMU_TO_DEVICE);
    watched[3] = 1;
    assert_true(dma_read(device, bus, buffer, WATCHED, NULL));
    watched[5] = 1; /* makes one range with the first, before and behind which nothing has changed */
    assert_true(dma_read(device, bus, buffer, WATCHED, NULL));
    iommu_sync_for_device(device, bus, 4, IOMMU_TO_DEVICE);
    iommu_unmap_for(device, bus, WATCHED, IOMMU_TO_DEVICE, "a page");
    expect_fault(device, &faults, "whose bytes 3 to 5 the device has accessed after they had been changed");

    bus = map_watched(device, IOMMU_FROM_DEVICE);
    watched[3] = 1; /* what a cache writes back would be written over the device's */
    assert_true(dma_write(device, bus, "12345", 5, NULL));
    iommu_unmap_for(device, bus, WATCHED, IOMMU_FROM_DEVICE, "a page");
    expect_fault(device, &faults, "whose bytes 3 to 3 the device has accessed after they had been changed");
}

static void what_the_device_has_written_is_withheld_until_it_is_synced(void **state)
{
    (void)state;
    unsigned long faults;
    struct dma_device *device = synced_device(&faults);
    uint64_t bus = map_watched(device, IOMMU_BIDIRECTIONAL);
    assert_true(dma_write(device, bus + 1, "abcde", 5, NULL));
    assert_string_equal(withheld, ".xxxxx..");
    iommu_sync_for_device(device, bus, WATCHED, IOMMU_BIDIRECTIONAL);
    assert_string_equal(withheld, ".xxxxx..");
    iommu_sync_for_cpu(device, bus + 2, 3, IOMMU_FROM_DEVICE);
    assert_string_equal(withheld, ".x...x..");
    const char *told = on_access->tell(watched + 5, 1, false);
    assert_non_null(strstr(told, "is read without a sync for the processor (bytes: 1)"));
    assert_string_equal(relation, "the mapping there");
    assert_true(dma_write(device, bus + 2, "x", 1, NULL));
    iommu_unmap_for(device, bus, WATCHED, IOMMU_BIDIRECTIONAL, "a page");
    assert_string_equal(withheld, "........");
    assert_null(on_access->tell(watched + 5, 1, false));

    bus = iommu_map(device, watched, WATCHED, IOMMU_BIDIRECTIONAL); /* coherent */
    assert_true(dma_write(device, bus, "abc", 3, NULL));
    assert_string_equal(withheld, "........");
    iommu_unmap(device, bus, WATCHED);
    assert_int_equal(findings, faults);
}

static void devices_do_not_share_mappings(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *a = new_device(), *b = new_device();
    char memory[32] = {0};
    uint64_t bus = iommu_map(a, memory, sizeof(memory), IOMMU_BIDIRECTIONAL);
    assert_true(dma_write(a, bus, "x", 1, NULL));
    assert_int_equal(memory[0], 'x');
    assert_false(dma_write(b, bus, "y", 1, NULL));
    assert_int_equal(memory[0], 'x');
    assert_int_equal(findings, 1);
    iommu_unmap(a, bus, sizeof(memory));
}

static void device_without_bus_mastering_makes_no_access(void **state)
{
    (void)state;
    findings = 0;
    struct dma_device *device = pci_function_dma(function);
    char memory[32] = {0};
    uint64_t bus = iommu_map(device, memory, sizeof(memory), IOMMU_BIDIRECTIONAL);
    assert_false(dma_write(device, bus, "x", 1, NULL));
    pci_config_write(0, SLOT, 0, 4, 2, PCI_COMMAND_MASTER_BIT);
    assert_true(dma_write(device, bus, "x", 1, NULL));
    pci_config_write(0, SLOT, 0, 4, 2, 0);
    assert_false(dma_write(device, bus, "y", 1, NULL));
    assert_int_equal(memory[0], 'x');
    assert_true(dma_peek(device, bus, memory + 1, 1)); /* the model, not the device */
    assert_int_equal(memory[1], 'x');
    assert_int_equal(findings, 0);
    iommu_unmap(device, bus, sizeof(memory));
}

static void mappings_stay_apart_whatever_comes_and_goes(void **state)
{
    (void)state;
    enum { LIVE = 200, LASTING = 20 };
    findings = 0;
    struct dma_device *device = new_device();
    struct {
        uint64_t bus;
        size_t length;
        unsigned char *memory;
    } live[LIVE] = {0};
    uint32_t seed = 1;
    for (unsigned turn = 0; turn < 20000; turn++) {
        seed = seed * 1664525 + 1013904223;
        unsigned at = (seed >> 16) % LIVE;
        if (live[at].bus) {
            unsigned char byte = 0;
            assert_true(dma_read(device, live[at].bus + live[at].length - 1, &byte, 1, NULL));
            assert_int_equal(byte, (unsigned char)at);
            if (at < LASTING)
                continue;
            iommu_unmap(device, live[at].bus, live[at].length);
            free(live[at].memory);
            live[at].bus = 0;
            continue;
        }
        live[at].length = 1 + (seed >> 8) % 3000;
        live[at].memory = malloc(live[at].length);
        live[at].memory[live[at].length - 1] = (unsigned char)at;
        /* Big ones make the addresses wrap. */
        size_t mapped = turn % 16 ? live[at].length : IOMMU_BUS_BYTES / 128;
        live[at].length = mapped == live[at].length ? mapped : live[at].length;
        uint64_t bus = iommu_map(device, live[at].memory, mapped, IOMMU_BIDIRECTIONAL);
        assert_true(bus >= IOMMU_BUS_BASE && bus + mapped <= (uint64_t)IOMMU_BUS_BASE + IOMMU_BUS_BYTES);
        assert_int_equal(bus % 16, (uintptr_t)live[at].memory % 16);
        for (unsigned i = 0; i < LIVE; i++) {
            if (live[i].bus)
                assert_true(live[i].bus + live[i].length + DMA_PAGE_BYTES <= bus ||
                            bus + mapped + DMA_PAGE_BYTES <= live[i].bus);
        }
        if (mapped != live[at].length) {
            iommu_unmap(device, bus, mapped);
            bus = iommu_map(device, live[at].memory, live[at].length, IOMMU_BIDIRECTIONAL);
        }
        live[at].bus = bus;
    }
    assert_int_equal(findings, 0);
    for (unsigned i = 0; i < LIVE; i++) {
        if (live[i].bus) {
            iommu_unmap(device, live[i].bus, live[i].length);
            free(live[i].memory);
        }
    }
    assert_int_equal(dma_mapping_count(device), 0);
}

static void mappings_are_limited(void **state)
{
    (void)state;
    struct dma_device *device = new_device();
    static char memory[16];
    static uint64_t bus[IOMMU_MAPPINGS_MAX];
    for (unsigned i = 0; i < IOMMU_MAPPINGS_MAX; i++) {
        bus[i] = iommu_map(device, memory, sizeof(memory), IOMMU_TO_DEVICE);
        assert_int_not_equal(bus[i], 0);
    }
    assert_int_equal(iommu_map(device, memory, sizeof(memory), IOMMU_TO_DEVICE), 0);
    for (unsigned i = 0; i < IOMMU_MAPPINGS_MAX; i++)
        iommu_unmap(device, bus[i], sizeof(memory));
    assert_int_equal(iommu_map(device, memory, 0, IOMMU_TO_DEVICE), 0);
    assert_int_equal(dma_mapping_count(device), 0);
}

/* --- The clock --- */

static void sleep_ends_at_its_deadline(void **state)
{
    (void)state;
    uint64_t deadline = machine_now_ns() + 5000000;
    machine_sleep_until_ns(deadline);
    assert_true(machine_now_ns() >= deadline);
    machine_sleep_until_ns(deadline);
}

#define NS_PER_MS 1000000u

static bool note_time(unsigned line, void *context)
{
    (void)line;
    atomic_store((atomic_uint_least64_t *)context, machine_now_ns());
    return true;
}

/* Returns when it came; 0: not within that time. */
static uint64_t await_alarm(atomic_uint_least64_t *came, unsigned milliseconds)
{
    for (unsigned i = 0; i < milliseconds && atomic_load(came) == 0; i++)
        machine_sleep_until_ns(machine_now_ns() + NS_PER_MS);
    return atomic_exchange(came, 0);
}

static void alarm_pulls_its_line_when_its_time_has_come(void **state)
{
    atomic_uint_least64_t came = 0;
    uint64_t deadline;

    (void)state;
    alarm_create();
    assert_true(irq_set_receiver(ALARM_LINE, note_time, &came));
    assert_false(alarm_acknowledge());
    alarm_set(machine_now_ns() + 1000ull * NS_PER_MS);
    deadline = machine_now_ns() + 10 * NS_PER_MS;
    alarm_set(deadline); /* in the place of the later one */
    assert_true(await_alarm(&came, 500) >= deadline);
    assert_true(irq_line_state(ALARM_LINE).high);
    assert_true(alarm_acknowledge());
    irq_unmask(ALARM_LINE);
    alarm_set(1); /* it is past */
    assert_true(await_alarm(&came, 500) > 0);
    assert_true(alarm_acknowledge());
    alarm_set(machine_now_ns() + 20 * NS_PER_MS);
    alarm_set(MACHINE_NEVER);
    irq_unmask(ALARM_LINE);
    assert_true(await_alarm(&came, 50) == 0);
    assert_false(alarm_acknowledge());
    irq_set_receiver(ALARM_LINE, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lockcheck_hears_who_pulls_a_line),
        cmocka_unit_test(level_is_delivered_once_until_unmasked),
        cmocka_unit_test(shared_line_is_high_until_the_last_source_lets_go),
        cmocka_unit_test(line_that_is_high_before_its_receiver_is_not_lost),
        cmocka_unit_test(message_is_delivered_once_or_stays_pending),
        cmocka_unit_test(source_that_is_cut_off_does_not_count),
        cmocka_unit_test(noise_is_an_interrupt_of_no_source),
        cmocka_unit_test(no_level_is_lost_between_two_threads),
        cmocka_unit_test(configuration_space_tells_what_is_there),
        cmocka_unit_test(bar_tells_its_size),
        cmocka_unit_test(registers_answer_only_while_decoding_is_on),
        cmocka_unit_test(configuration_mechanism_one_reaches_the_function),
        cmocka_unit_test(function_drives_its_line),
        cmocka_unit_test(model_lays_out_its_own_registers),
        cmocka_unit_test(function_without_capabilities_has_no_list),
        cmocka_unit_test(capabilities_are_a_list),
        cmocka_unit_test(model_hears_of_accesses_behind_the_header),
        cmocka_unit_test(wide_bar_lies_and_moves_above_4_gib),
        cmocka_unit_test_setup_teardown(msi_sends_the_vectors_that_were_granted, plug_in_messenger,
                                        unplug_messenger),
        cmocka_unit_test_setup_teardown(msix_table_says_what_each_vector_sends, plug_in_messenger,
                                        unplug_messenger),
        cmocka_unit_test_setup_teardown(messages_and_the_command_register_cut_off_the_pin, plug_in_messenger,
                                        unplug_messenger),
        cmocka_unit_test_setup_teardown(message_elsewhere_is_a_write_and_to_nobody_a_fault, plug_in_messenger,
                                        unplug_messenger),
        cmocka_unit_test_setup_teardown(an_access_without_an_answer_shows_in_the_status, plug_in_messenger,
                                        unplug_messenger),
        cmocka_unit_test_setup(function_that_is_taken_out_is_not_there, plug_in_messenger),
        cmocka_unit_test(physical_memory_is_given_and_taken_back),
        cmocka_unit_test(access_outside_a_mapping_is_refused),
        cmocka_unit_test(a_fault_names_the_mapping_that_it_missed),
        cmocka_unit_test(the_last_mappings_that_ended_are_remembered),
        cmocka_unit_test(mappings_left_behind_are_told),
        cmocka_unit_test(access_without_an_answer_is_one_and_no_fault_of_the_driver),
        cmocka_unit_test(mappings_end_as_they_were_made),
        cmocka_unit_test(syncs_stay_in_a_mapping_and_its_direction),
        cmocka_unit_test(a_streaming_mapping_is_looked_at_before_the_unmap),
        cmocka_unit_test(what_changes_while_the_device_has_it_is_synced_before_the_unmap),
        cmocka_unit_test(what_the_device_has_written_is_withheld_until_it_is_synced),
        cmocka_unit_test(devices_do_not_share_mappings),
        cmocka_unit_test(device_without_bus_mastering_makes_no_access),
        cmocka_unit_test(mappings_stay_apart_whatever_comes_and_goes),
        cmocka_unit_test(mappings_are_limited),
        cmocka_unit_test(sleep_ends_at_its_deadline),
        cmocka_unit_test(alarm_pulls_its_line_when_its_time_has_come),
    };
    return cmocka_run_group_tests(tests, plug_in, NULL);
}
