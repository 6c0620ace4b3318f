/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/refcount.h>, without its saturation: the counts here are small. What had no reference
 * left, and may be anything by now, is complained of. */
#ifndef DDE_LINUX_REFCOUNT_H
#define DDE_LINUX_REFCOUNT_H

#include <linux/atomic.h>
#include <linux/bug.h>

typedef struct refcount_struct {
    atomic_t refs;
} refcount_t;

static inline void refcount_set(refcount_t *r, int n)
{
    atomic_set(&r->refs, n);
}

static inline unsigned int refcount_read(const refcount_t *r)
{
    return (unsigned int)atomic_read(&r->refs);
}

static inline void refcount_inc(refcount_t *r)
{
    WARN(atomic_inc_return(&r->refs) <= 1, "a reference is added where none was left");
}

static inline bool refcount_dec_and_test(refcount_t *r)
{
    int left = atomic_dec_return(&r->refs);

    WARN(left < 0, "a reference is given back where none was left");
    return left == 0;
}

#endif
