/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/irqreturn.h>. */
#ifndef DDE_LINUX_IRQRETURN_H
#define DDE_LINUX_IRQRETURN_H

enum irqreturn {
    IRQ_NONE = 0,    /* not from this device */
    IRQ_HANDLED = 1, /* handled */
};
typedef enum irqreturn irqreturn_t;

#define IRQ_RETVAL(x) ((x) ? IRQ_HANDLED : IRQ_NONE)

#endif
