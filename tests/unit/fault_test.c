/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults of a card: how they are written, when they strike, and what they do to the bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "harness/machine/dma.h"
#include "harness/machine/irq.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/fault.h"

#define LINE 7u
#define FIRST_SLOT 3u

static uint32_t read_register(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    (void)device, (void)bar, (void)offset, (void)size;
    return 0;
}

static void write_register(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    (void)device, (void)bar, (void)offset, (void)size, (void)value;
}

static struct fault fault;
static struct pci_function *function;
static unsigned removals, interrupts;

static void count_removal(void *opaque)
{
    ++*(unsigned *)opaque;
}

static bool count_interrupt(unsigned line, void *context)
{
    (void)line, (void)context;
    interrupts++;
    return true;
}

/* A card of its own for each test, with this fault, in the machine. */
static void plug_in(const char *text)
{
    static const struct pci_function_ops ops = {.read = read_register, .write = write_register};
    static unsigned slot = FIRST_SLOT;
    const struct pci_function_description description = {
        .name = "faulty", .vendor_id = 0x10ec, .interrupt_pin = 1, .interrupt_line = LINE, .ops = &ops};
    struct fault_plan plan = {.removed = count_removal, .opaque = &removals};

    assert_true(fault_parse(text, &plan));
    function = pci_function_register(slot++, 0, &description);
    dma_device_set_master(pci_function_dma(function), true);
    fault_init(&fault, &plan, function);
    removals = interrupts = 0;
}

/* Whether the card reaches memory. */
static bool reaches_memory(void)
{
    uint8_t octet = 0;
    uint64_t bus = iommu_map(pci_function_dma(function), &octet, 1, IOMMU_TO_DEVICE);
    bool reached = dma_read(pci_function_dma(function), bus, &octet, 1, NULL);

    iommu_unmap(pci_function_dma(function), bus, 1);
    return reached;
}

static void kinds_are_read_with_their_time(void **state)
{
    (void)state;
    struct fault_plan plan = {0};

    for (enum fault_kind kind = FAULT_NONE + 1; kind < FAULT_KINDS; kind++) {
        assert_true(fault_parse(fault_name(kind), &plan));
        assert_int_equal(plan.kind, kind);
        assert_int_equal(plan.at, FAULT_AT_DEFAULT);
    }
    assert_true(fault_parse("master-abort@1", &plan));
    assert_int_equal(plan.at, 1);
    assert_true(fault_parse("lost-interrupt@4294967295", &plan));
    assert_int_equal(plan.at, UINT32_MAX);
}

static void what_is_no_fault_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "@3",
                                        "lost",
                                        "lost-interrupts",
                                        "Lost-Interrupt",
                                        "lost-interrupt@",
                                        "lost-interrupt@0",
                                        "lost-interrupt@-1",
                                        "lost-interrupt@ 1",
                                        "lost-interrupt@1x",
                                        "lost-interrupt@4294967296",
                                        "lost-interrupt@99999999999999999999",
                                        "lost-interrupt@1@2"};
    struct fault_plan plan;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(fault_parse(wrong[i], &plan));
}

static void one_interrupt_is_lost_and_the_next_is_not(void **state)
{
    (void)state;
    plug_in("lost-interrupt@2");
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(fault_drive_pin(&fault, true), i != 2);
        assert_int_equal(irq_line_state(LINE).high, i != 2);
        assert_false(fault_drive_pin(&fault, false));
        assert_false(irq_line_state(LINE).high);
    }
}

static void noise_comes_with_a_frame_of_either_way(void **state)
{
    (void)state;
    plug_in("spurious-interrupt@3");
    assert_true(irq_set_receiver(LINE, count_interrupt, NULL));
    assert_false(fault_sending(&fault));
    assert_false(fault_receiving(&fault));
    assert_int_equal(interrupts, 0);
    assert_false(fault_sending(&fault));
    assert_int_equal(interrupts, 1);
    irq_unmask(LINE);
    assert_false(fault_sending(&fault));
    assert_int_equal(interrupts, 1);
    assert_false(irq_line_state(LINE).high);
    irq_set_receiver(LINE, NULL, NULL);
}

static void transmitter_is_stuck_until_the_reset_and_once(void **state)
{
    (void)state;
    plug_in("stuck-transmitter@2");
    assert_false(fault_receiving(&fault)); /* does not count */
    assert_false(fault_sending(&fault));
    assert_true(fault_sending(&fault));
    assert_true(fault.stuck);
    assert_true(fault_sending(&fault));
    fault_reset(&fault);
    assert_false(fault.stuck);
    assert_false(fault_sending(&fault));
}

static void one_frame_meets_an_error_on_its_way(void **state)
{
    (void)state;
    plug_in("transmit-error@2");
    assert_false(fault_sending(&fault)); /* does not count */
    assert_false(fault_leaving(&fault));
    assert_true(fault_leaving(&fault));
    assert_false(fault_leaving(&fault));
}

static void one_descriptor_is_corrupted(void **state)
{
    (void)state;
    plug_in("corrupted-descriptor@2");
    assert_false(fault_sending(&fault)); /* does not count */
    assert_false(fault_receiving(&fault));
    assert_true(fault_receiving(&fault));
    assert_false(fault_receiving(&fault));
}

static void one_access_has_no_answer(void **state)
{
    (void)state;
    plug_in("master-abort@2");
    fault_sending(&fault);
    assert_true(reaches_memory());
    fault_receiving(&fault);
    assert_false(reaches_memory());
    assert_true(reaches_memory());
}

static void removed_card_is_gone_for_good_and_says_so_once(void **state)
{
    (void)state;
    plug_in("surprise-removal@2");
    fault_receiving(&fault);
    assert_false(fault.removed);
    fault_drive_pin(&fault, true);
    fault_sending(&fault);
    assert_true(fault.removed);
    assert_false(irq_line_state(LINE).high);
    assert_false(reaches_memory());
    fault_reset(&fault);
    fault_sending(&fault);
    assert_true(fault.removed);
    assert_int_equal(removals, 1);
}

static int boot(void **state)
{
    (void)state;
    machine_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_read_with_their_time),
        cmocka_unit_test(what_is_no_fault_is_refused),
        cmocka_unit_test(one_interrupt_is_lost_and_the_next_is_not),
        cmocka_unit_test(noise_comes_with_a_frame_of_either_way),
        cmocka_unit_test(transmitter_is_stuck_until_the_reset_and_once),
        cmocka_unit_test(one_frame_meets_an_error_on_its_way),
        cmocka_unit_test(one_descriptor_is_corrupted),
        cmocka_unit_test(one_access_has_no_answer),
        cmocka_unit_test(removed_card_is_gone_for_good_and_says_so_once),
    };
    return cmocka_run_group_tests(tests, boot, NULL);
}
