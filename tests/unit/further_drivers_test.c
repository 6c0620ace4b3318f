/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers that are built and for which there is no card: they register, look at what is there, and leave.
 * Then what some of them need, and no driver that has a card. 8139cp is for the RTL8139C+, which has the
 * identifiers of the RTL8139C and another revision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dde_linux/dde_linux.h>
#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <linux/pci.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"

#define OUTPUT_MAX 4096
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* These say nothing when they find nothing: that they are there, their parameters tell. */
static const struct {
    const char *driver, *parameter;
} silent[] = {
    {"ec_bhf", "polling_frequency"},  {"fealnx", "rx_copybreak"},       {"pcnet32", "tx_start_pt"},
    {"natsemi", "dspcfg_workaround"}, {"sis900", "max_interrupt_work"}, {"epic100", "rx_copybreak"},
    {"sundance", "flowctrl"},
};

#define SLEEPER_VENDOR 0x1234
#define FIRST_SLEEPERS_SLOT 20

/* Devices that have nothing but a driver, below. */
static void plug_in_sleepers(void)
{
    static const struct pci_function_ops ops;
    const struct pci_function_description sleeper = {
        .name = "sleeper", .vendor_id = SLEEPER_VENDOR, .device_id = 1, .ops = &ops};

    for (unsigned i = 0; i < 2; i++)
        pci_function_register(FIRST_SLEEPERS_SLOT + i, 0, &sleeper);
}

static void they_look_at_the_card_and_leave(void **state)
{
    const struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};
    FILE *output = tmpfile();
    char text[OUTPUT_MAX] = "";

    (void)state;
    assert_non_null(output);
    machine_init();
    assert_non_null(nic_rtl8139.create(&config));
    plug_in_sleepers();
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(fileno(output));
    dde_linux_init();
    for (size_t i = 0; i < COUNT(silent); i++)
        assert_int_equal(dde_linux_set_parameter(silent[i].driver, silent[i].parameter, "1000"), 0);
    assert_int_equal(dde_linux_probe_drivers(), 0);
    dde_linux_remove_drivers();
    ddekit_print_to(-1);
    assert_int_equal(dma_mapping_count(pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0))), 0);
    rewind(output);
    assert_true(fread(text, 1, sizeof text - 1, output) > 0);
    fclose(output);
    assert_non_null(strstr(text, "8139cp"));
    assert_non_null(strstr(text, "is not an 8139C+ compatible chip"));
    assert_null(strstr(text, "init failed"));
}

/* --- What they need of the bus ------------------------------------------------------------------------- */

static int probe_result;

/* It leaves it to pcim_enable_device to give back what it has. */
static int take(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    assert_int_equal(pcim_enable_device(dev), 0);
    assert_int_equal(pcim_enable_device(dev), 0);
    assert_int_equal(pci_request_regions(dev, "careless"), 0);
    return probe_result;
}

static const struct pci_device_id careless_ids[] = {{PCI_DEVICE(PCI_VENDOR_ID_REALTEK, PCI_ANY_ID)}, {0}};
static struct pci_driver careless = {.name = "careless", .id_table = careless_ids, .probe = take};

static void assert_free(const struct pci_dev *dev)
{
    assert_int_equal(atomic_read(&dev->enable_cnt), 0);
    for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
        assert_null(dev->resource[bar].name);
}

/* On the machine that the test before has left: the card has no driver. */
static void a_managed_device_is_given_back(void **state __always_unused)
{
    struct pci_dev *card = pci_get_device(PCI_VENDOR_ID_REALTEK, PCI_DEVICE_ID_REALTEK_8139, NULL);

    assert_non_null(card);
    assert_null(pci_get_device(PCI_VENDOR_ID_REALTEK, PCI_ANY_ID, card));
    assert_null(pci_get_device(PCI_VENDOR_ID_INTEL, PCI_ANY_ID, NULL));

    probe_result = -ENODEV;
    assert_int_equal(pci_register_driver(&careless), 0);
    assert_null(card->driver);
    assert_free(card);
    pci_unregister_driver(&careless);

    probe_result = 0;
    assert_int_equal(pci_register_driver(&careless), 0);
    assert_ptr_equal(card->driver, &careless);
    assert_int_equal(atomic_read(&card->enable_cnt), 1);
    pci_unregister_driver(&careless);
    assert_null(card->driver);
    assert_free(card);
}

static char sleeps[32]; /* what has been done, in this order */

static void note(const char *what, const struct pci_dev *dev)
{
    size_t length = strlen(sleeps);

    snprintf(sleeps + length, sizeof(sleeps) - length, "%s%u ", what,
             PCI_SLOT(dev->devfn) - FIRST_SLEEPERS_SLOT);
}

static int doze(struct pci_dev *dev, pm_message_t state __always_unused)
{
    note("-", dev);
    return 0;
}

static int wake(struct pci_dev *dev)
{
    note("+", dev);
    return 0;
}

static int take_over(struct pci_dev *dev __always_unused, const struct pci_device_id *id __always_unused)
{
    return 0;
}

static void devices_fall_asleep_in_the_reverse_order(void **state __always_unused)
{
    static const struct pci_device_id ids[] = {{PCI_DEVICE(SLEEPER_VENDOR, PCI_ANY_ID)}, {0}};
    static struct pci_driver sleeper = {
        .name = "sleeper", .id_table = ids, .probe = take_over, .suspend = doze, .resume = wake};

    assert_int_equal(pci_register_driver(&sleeper), 0);
    assert_int_equal(dde_linux_suspend(1), 0);
    assert_string_equal(sleeps, "-1 -0 +0 +1 ");
    pci_unregister_driver(&sleeper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_look_at_the_card_and_leave),
        cmocka_unit_test(a_managed_device_is_given_back),
        cmocka_unit_test(devices_fall_asleep_in_the_reverse_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
