/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interrupts that no handler takes, as lockcheck sees them: whose they are is for the machine to say.
 */
#include "harness/machine/irq.h"
#include "wrap.h"

void WRAP(report_nobody_cared)(unsigned int irq, unsigned int times);
void REAL(report_nobody_cared)(unsigned int irq, unsigned int times);

void WRAP(report_nobody_cared)(unsigned int irq, unsigned int times)
{
    irq_tell_of_sources(irq);
    REAL(report_nobody_cared)(irq, times);
}
