/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/irqflags.h>. Interrupts are messages to another thread: nothing a thread does to itself
 * holds them off. These calls only remember, per thread, whether Linux would have them disabled, and, unlike
 * Linux's, they nest: what would enable them in the midst of a section that has disabled them does not.
 */
#ifndef DDE_LINUX_IRQFLAGS_H
#define DDE_LINUX_IRQFLAGS_H

#include <linux/types.h>

void local_irq_disable(void);
void local_irq_enable(void);
unsigned long linux_local_irq_save(void);
void local_irq_restore(unsigned long flags);
bool irqs_disabled(void);

#define local_irq_save(flags)                                                                                \
    do {                                                                                                     \
        (flags) = linux_local_irq_save();                                                                    \
    } while (0)

#endif
