/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/types.h>: the user-space half comes from the system's header of the same name, the names
 * that only the kernel uses are added here. The C library's own headers include this file too, so it must
 * stay free of anything that collides with them.
 */
#ifndef DDE_LINUX_TYPES_H
#define DDE_LINUX_TYPES_H

#include_next <linux/types.h>

#ifndef __ASSEMBLY__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;

/* To drivers these are one type with the kernel's; the C library's have 64 bits, too, and are others. */
#ifdef KBUILD_MODNAME
#define uint64_t u64
#define int64_t s64
#endif

typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
typedef phys_addr_t resource_size_t;
typedef unsigned int gfp_t;
typedef s64 ktime_t;

typedef struct {
    int counter;
} atomic_t;

typedef struct {
    s64 counter;
} atomic64_t;

typedef struct {
    long counter;
} atomic_long_t;

struct list_head {
    struct list_head *next, *prev;
};

/* Of what is to be done when all readers have left, see <linux/rcupdate.h>. */
struct rcu_head {
    struct rcu_head *next;
    void (*func)(struct rcu_head *head);
};
typedef void (*rcu_callback_t)(struct rcu_head *head);
#endif

#endif
