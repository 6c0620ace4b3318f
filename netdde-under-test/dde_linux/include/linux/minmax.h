/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/minmax.h>: each argument is evaluated once, and both must have one type. */
#ifndef DDE_LINUX_MINMAX_H
#define DDE_LINUX_MINMAX_H

#define min(x, y)                                                                                            \
    ({                                                                                                       \
        __typeof__(x) __min_x = (x);                                                                         \
        __typeof__(y) __min_y = (y);                                                                         \
        (void)(&__min_x == &__min_y);                                                                        \
        __min_x < __min_y ? __min_x : __min_y;                                                               \
    })
#define max(x, y)                                                                                            \
    ({                                                                                                       \
        __typeof__(x) __max_x = (x);                                                                         \
        __typeof__(y) __max_y = (y);                                                                         \
        (void)(&__max_x == &__max_y);                                                                        \
        __max_x > __max_y ? __max_x : __max_y;                                                               \
    })
#define min_t(type, x, y) min((type)(x), (type)(y))
#define max_t(type, x, y) max((type)(x), (type)(y))
#define clamp_t(type, value, low, high) min_t(type, max_t(type, value, low), high)
#define clamp(value, low, high) min(max(value, low), high)

#endif
