/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/idr.h>: small numbers that are not in use. No radix tree behind them. */
#ifndef DDE_LINUX_IDR_H
#define DDE_LINUX_IDR_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/gfp.h>

#define IDA_NUMBERS 1024

struct ida {
    unsigned long used[BITS_TO_LONGS(IDA_NUMBERS)]; /* changed only atomically */
};

#define DEFINE_IDA(name) struct ida name

/* The least number that is free, from 0; -ENOSPC when IDA_NUMBERS are in use. */
int ida_alloc(struct ida *ida, gfp_t gfp);
void ida_free(struct ida *ida, unsigned int id);

static inline void ida_destroy(struct ida *ida __always_unused) {}

#endif
