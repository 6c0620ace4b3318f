/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/vmalloc.h>. The allocator of <linux/slab.h> gives large pieces just as well. */
#ifndef DDE_LINUX_VMALLOC_H
#define DDE_LINUX_VMALLOC_H

#include <linux/slab.h>

#define vmalloc(size) kmalloc((size), GFP_KERNEL)
#define vzalloc(size) kzalloc((size), GFP_KERNEL)
#define vfree(memory) kfree(memory)

#endif
