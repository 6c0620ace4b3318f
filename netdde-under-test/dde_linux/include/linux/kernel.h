/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/kernel.h>. <sys/sysinfo.h> of the C library includes the system's header of this name,
 * so that one is passed through.
 */
#ifndef DDE_LINUX_KERNEL_H
#define DDE_LINUX_KERNEL_H

#include_next <linux/kernel.h>

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <limits.h>
#include <stdio.h>

#define U32_MAX UINT32_MAX

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define DIV_ROUND_UP(n, d) (((n) + (d)-1) / (d))
#define ALIGN(x, a) (((x) + ((__typeof__(x))(a)-1)) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)
#define roundup(x, y) ((((x) + ((y)-1)) / (y)) * (y))
/* value, which is spread over all 32-bit numbers, spread over the numbers below range. */
#define reciprocal_scale(value, range) ((u32)((u64)(u32)(value) * (u32)(range) >> 32))
#define upper_32_bits(n) ((u32)((u64)(n) >> 32))
#define lower_32_bits(n) ((u32)(n))
#define BUILD_OPTION_1 0,
#define __second_of(first, second, ...) second
#define __is_one(prefixed) __second_of(prefixed 1, 0, 0)
#define __is_option_one(value) __is_one(BUILD_OPTION_##value)
#define IS_ENABLED(option) __is_option_one(option) /* 1 when the build defines the option as 1, else 0 */

/* Where the system as a whole is. It runs until the process ends. */
enum system_states { SYSTEM_BOOTING, SYSTEM_RUNNING, SYSTEM_HALT, SYSTEM_POWER_OFF, SYSTEM_RESTART };
#define system_state SYSTEM_RUNNING

/* A constant; an error when it is not of the type. */
#define typecheck(type, variable)                                                                            \
    ({                                                                                                       \
        type __of_type;                                                                                      \
        (void)(&__of_type == &(variable));                                                                   \
        1;                                                                                                   \
    })

/* The caller may have to sleep from here on: reported when it must not, because it is in a handler, a softirq
 * or a read side of RCU, or has interrupts or softirqs disabled. That it holds a spin lock only an instrumentation can know. */
void linux_might_sleep(const char *file, int line);
#define might_sleep() linux_might_sleep(__FILE__, __LINE__)
#define might_sleep_if(condition)                                                                            \
    do {                                                                                                     \
        if (condition)                                                                                       \
            might_sleep();                                                                                   \
    } while (0)

#endif
