/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drivers that are built and for which there is no card: they register, look at what is there, and leave.
 * 8139cp is for the RTL8139C+, which has the identifiers of the RTL8139C and another revision.
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

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"

#define OUTPUT_MAX 4096

static void they_look_at_the_card_and_leave(void **state)
{
    const struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};
    FILE *output = tmpfile();
    char text[OUTPUT_MAX] = "";

    (void)state;
    assert_non_null(output);
    machine_init();
    assert_non_null(nic_rtl8139.create(&config));
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(fileno(output));
    dde_linux_init();
    /* It says nothing when it finds nothing; but it is there. */
    assert_int_equal(dde_linux_set_parameter("ec_bhf", "polling_frequency", "100000"), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(they_look_at_the_card_and_leave)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
