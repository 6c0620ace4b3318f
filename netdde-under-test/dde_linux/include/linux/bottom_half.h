/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/bottom_half.h>. Softirqs run in a thread of their own: nothing a thread does to itself
 * holds them off. These calls only count, per thread, for in_softirq() and might_sleep().
 */
#ifndef DDE_LINUX_BOTTOM_HALF_H
#define DDE_LINUX_BOTTOM_HALF_H

void local_bh_disable(void);
void local_bh_enable(void);

#endif
