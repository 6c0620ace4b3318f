/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/delay.h>. The busy waits sleep: each thread has a CPU of its own. */
#ifndef DDE_LINUX_DELAY_H
#define DDE_LINUX_DELAY_H

#include <linux/sched.h>

void ndelay(unsigned long nsecs);
void udelay(unsigned long usecs);
void mdelay(unsigned long msecs);
void msleep(unsigned int msecs);
/* There are no signals: it always sleeps to the end, and returns 0. */
unsigned long msleep_interruptible(unsigned int msecs);
void usleep_range(unsigned long min_us, unsigned long max_us);
#define ssleep(seconds) msleep((seconds)*1000)

#endif
