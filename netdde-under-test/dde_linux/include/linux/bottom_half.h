/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/bottom_half.h>. Softirqs run in their own thread, so there is nothing to disable. */
#ifndef DDE_LINUX_BOTTOM_HALF_H
#define DDE_LINUX_BOTTOM_HALF_H

static inline void local_bh_disable(void) {}

static inline void local_bh_enable(void) {}

#endif
