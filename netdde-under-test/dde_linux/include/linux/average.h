/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/average.h>: moving averages in which the newest value weighs 1 / weight and each older
 * one less by (weight - 1) / weight. A power of two, kept with precision bits behind the point.
 */
#ifndef DDE_LINUX_AVERAGE_H
#define DDE_LINUX_AVERAGE_H

#include <linux/bug.h>
#include <linux/compiler.h>

#define DECLARE_EWMA(name, precision, weight)                                                                \
    struct ewma_##name {                                                                                     \
        unsigned long internal;                                                                              \
    };                                                                                                       \
    static inline void ewma_##name##_init(struct ewma_##name *average)                                       \
    {                                                                                                        \
        BUILD_BUG_ON((weight) & ((weight)-1));                                                               \
        average->internal = 0;                                                                               \
    }                                                                                                        \
    static inline unsigned long ewma_##name##_read(struct ewma_##name *average)                              \
    {                                                                                                        \
        return average->internal >> (precision);                                                             \
    }                                                                                                        \
    static inline void ewma_##name##_add(struct ewma_##name *average, unsigned long value)                   \
    {                                                                                                        \
        unsigned long before = READ_ONCE(average->internal);                                                 \
        value <<= (precision);                                                                               \
        WRITE_ONCE(average->internal, before ? (before * ((weight)-1) + value) / (weight) : value);          \
    }

#endif
