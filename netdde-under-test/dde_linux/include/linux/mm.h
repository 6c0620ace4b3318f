/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/mm.h>, only the page size: there are no struct pages here. */
#ifndef DDE_LINUX_MM_H
#define DDE_LINUX_MM_H

#include <linux/kernel.h>

#undef PAGE_SHIFT
#undef PAGE_SIZE
#undef PAGE_MASK
#define PAGE_SHIFT 12
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) ALIGN(x, PAGE_SIZE)

#endif
