/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/kmemleak.h>: who hands out memory says so, and who takes it back. dde_linux_watch_memory
 * and dde_linux_report_leaks, in <dde_linux/dde_linux.h>, make use of that; until the first of them is called
 * nothing is remembered. Memory counts as leaked when it has not been freed: nobody searches for pointers.
 */
#ifndef DDE_LINUX_KMEMLEAK_H
#define DDE_LINUX_KMEMLEAK_H

#include <linux/types.h>

/* size bytes, or a device's registers, are somebody's now. An instrumentation may take the place of this
 * function, to remember who that is. NULL is ignored, by the next two as well. */
void kmemleak_alloc(const void *memory, size_t size);
/* They are nobody's any more. What was handed out before anybody watched is ignored. */
void kmemleak_free(const void *memory);
/* The environment's own, which it keeps. */
void kmemleak_not_leak(const void *memory);

#endif
