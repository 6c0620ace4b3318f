/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Annotations and compiler helpers of Linux 6.1's <linux/compiler.h>, <linux/compiler_attributes.h> and
 * <asm/barrier.h>. Annotations that only sparse reads are empty.
 */
#ifndef DDE_LINUX_COMPILER_H
#define DDE_LINUX_COMPILER_H

#include <stddef.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __iomem
#define __user
#define __kernel
#define __percpu
#define __rcu
#ifndef __force
#define __force
#endif
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __init
#define __exit
#define __initdata
#define __exitdata
#define __initconst
#define __read_mostly

#define __maybe_unused __attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __must_check __attribute__((__warn_unused_result__))
#define __printf(a, b) __attribute__((__format__(__printf__, a, b)))
#define __weak __attribute__((__weak__))
#define ____cacheline_aligned __attribute__((__aligned__(64)))
#define ____cacheline_aligned_in_smp ____cacheline_aligned
#ifndef __packed
#define __packed __attribute__((__packed__))
#endif
#ifndef __aligned
#define __aligned(x) __attribute__((__aligned__(x)))
#endif
#ifndef __always_inline
#define __always_inline inline __attribute__((__always_inline__))
#endif
#ifndef noinline
#define noinline __attribute__((__noinline__))
#endif
#ifndef fallthrough
#define fallthrough __attribute__((__fallthrough__))
#endif

#define L1_CACHE_BYTES 64
#define SMP_CACHE_BYTES L1_CACHE_BYTES

#define barrier() __asm__ __volatile__("" : : : "memory")
#define mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_mb() mb()
#define smp_rmb() rmb()
#define smp_wmb() wmb()
#define dma_rmb() rmb()
#define dma_wmb() wmb()
#define smp_store_mb(variable, value) __atomic_store_n(&(variable), (value), __ATOMIC_SEQ_CST)
#define virt_mb() mb()
#define virt_rmb() rmb()
#define virt_wmb() wmb()
#define virt_store_mb(variable, value) smp_store_mb(variable, value)
#define smp_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define smp_store_release(p, value) __atomic_store_n((p), (value), __ATOMIC_RELEASE)
#define smp_mb__before_atomic() mb()
#define smp_mb__after_atomic() mb()

/* An access that is meant to be without order. */
#define data_race(expression) (expression)

/* For numbers and pointers only. */
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), (value), __ATOMIC_RELAXED)

#endif
