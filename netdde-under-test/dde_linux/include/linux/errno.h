/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/errno.h>: the system's error numbers and the few that never leave the kernel. */
#ifndef DDE_LINUX_ERRNO_H
#define DDE_LINUX_ERRNO_H

#include_next <linux/errno.h>

#define ERESTARTSYS 512
#define EPROBE_DEFER 517
#ifndef ENOTSUPP
#define ENOTSUPP 524
#endif

#endif
