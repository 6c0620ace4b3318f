/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/kmsan.h>: the sanitizer for uninitialised memory is not there. */
#ifndef DDE_LINUX_KMSAN_H
#define DDE_LINUX_KMSAN_H

#define kmsan_handle_dma(page, offset, size, dir) ((void)(page), (void)(offset), (void)(size), (void)(dir))

#endif
