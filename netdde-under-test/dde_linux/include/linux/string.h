/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/string.h>: the C library's functions and the kernel's own. */
#ifndef DDE_LINUX_STRING_H
#define DDE_LINUX_STRING_H

#include <linux/types.h>
#include <string.h>

/* Copy at most size - 1 bytes and end dst with a zero. Returns the length copied, or -E2BIG when it was cut.
 */
ssize_t strscpy(char *dst, const char *src, size_t size);

/* Compare, ignoring a newline at the end of either. */
bool sysfs_streq(const char *a, const char *b);

#endif
