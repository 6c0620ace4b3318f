/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <asm/unaligned.h>: numbers at any address. */
#ifndef DDE_LINUX_ASM_UNALIGNED_H
#define DDE_LINUX_ASM_UNALIGNED_H

#include <linux/types.h>
#include <asm/byteorder.h>

#define __LINUX_UNALIGNED(order, bits)                                                                       \
    static inline u##bits get_unaligned_##order##bits(const void *p)                                         \
    {                                                                                                        \
        __##order##bits value;                                                                               \
        __builtin_memcpy(&value, p, sizeof(value));                                                          \
        return order##bits##_to_cpu(value);                                                                  \
    }                                                                                                        \
    static inline void put_unaligned_##order##bits(u##bits number, void *p)                                  \
    {                                                                                                        \
        __##order##bits value = cpu_to_##order##bits(number);                                                \
        __builtin_memcpy(p, &value, sizeof(value));                                                          \
    }

__LINUX_UNALIGNED(le, 16)
__LINUX_UNALIGNED(le, 32)
__LINUX_UNALIGNED(be, 16)
__LINUX_UNALIGNED(be, 32)

#endif
