/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/prefetch.h>: hints to the processor. */
#ifndef DDE_LINUX_PREFETCH_H
#define DDE_LINUX_PREFETCH_H

#define prefetch(address) __builtin_prefetch(address)
#define prefetchw(address) __builtin_prefetch((address), 1)

#endif
