/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/container_of.h>. */
#ifndef DDE_LINUX_CONTAINER_OF_H
#define DDE_LINUX_CONTAINER_OF_H

#include <stddef.h>

#undef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
