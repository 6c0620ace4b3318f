/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/random.h>. The numbers are the same in every run, since an execution must be repeatable.
 */
#ifndef DDE_LINUX_RANDOM_H
#define DDE_LINUX_RANDOM_H

#include <linux/types.h>

void get_random_bytes(void *to, size_t count);

#endif
