/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/irq.h>: what can be asked of an interrupt. Left out: chips, flow handlers, affinity. */
#ifndef _LINUX_IRQ_H
#define _LINUX_IRQ_H

#include <linux/types.h>

struct irq_data {
    unsigned int irq;
};

/* NULL when there is no such interrupt. */
struct irq_data *irq_get_irq_data(unsigned int irq);

/* Whether there is a disable_irq that no enable_irq has undone. To free an interrupt and request it anew
 * undoes all. */
bool irqd_irq_disabled(struct irq_data *d);

#endif
