/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/cache.h>. Alignment to cache lines is <linux/compiler.h>'s. */
#ifndef DDE_LINUX_CACHE_H
#define DDE_LINUX_CACHE_H

#include <linux/compiler.h>

#define L1_CACHE_BYTES 64
#define SMP_CACHE_BYTES L1_CACHE_BYTES

#endif
