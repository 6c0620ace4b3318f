/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/hardirq.h>: what context the caller runs in. */
#ifndef DDE_LINUX_HARDIRQ_H
#define DDE_LINUX_HARDIRQ_H

#include <linux/types.h>

/* Whether the calling thread is in an interrupt handler; in a softirq, or has softirqs disabled; in either.
 */
bool in_hardirq(void);
bool in_softirq(void);
bool in_interrupt(void);
#define in_irq() in_hardirq()
#define in_atomic() in_interrupt()

#endif
