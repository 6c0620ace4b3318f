/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A finding about an object whose address no memory has: one of the upper half of the address space, as
 * device memory may have that only accessors reach. */
#include <lockcheck.h>
#include <stdint.h>

int main(void)
{
    const void *registers = (const void *)UINT64_C(0xdeadbeef00001000);

    lockcheck_name_object(registers, "mapping", "registers of a card");
    lockcheck_event(LOCKCHECK_HAND_OVER, registers, 0);
    lockcheck_finding_about(registers, "leak", "was never unmapped");
    return 0;
}
