/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/percpu.h>: memory of which each CPU has a copy. All threads use that of CPU 0 at once,
 * though each stands for a CPU of its own (see <linux/cpumask.h>): what Linux does to its own CPU's copy
 * without a lock is atomic here where it is one operation, and the user's to see to where it is several. Left
 * out: variables that are declared so.
 */
#ifndef DDE_LINUX_PERCPU_H
#define DDE_LINUX_PERCPU_H

#include <linux/compiler.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/slab.h>

/* NR_CPUS copies, one after the other, zeroed; NULL when there is no memory. */
#define alloc_percpu_gfp(type, gfp) ((type __percpu *)kcalloc(NR_CPUS, sizeof(type), (gfp)))
#define alloc_percpu(type) alloc_percpu_gfp(type, GFP_KERNEL)
#define free_percpu(copies) kfree(copies)

#define per_cpu_ptr(copies, cpu) (&(copies)[cpu])
#define this_cpu_ptr(copies) per_cpu_ptr((copies), smp_processor_id())
#define raw_cpu_ptr(copies) this_cpu_ptr(copies)
/* The thread stays on its CPU anyway. */
#define get_cpu_ptr(copies) this_cpu_ptr(copies)
#define put_cpu_ptr(copies) ((void)(copies))

#define this_cpu_add(copy, amount)                                                                           \
    ((void)__atomic_fetch_add(this_cpu_ptr(&(copy)), (amount), __ATOMIC_RELAXED))
#define this_cpu_inc(copy) this_cpu_add(copy, 1)
#define this_cpu_dec(copy) this_cpu_add(copy, -1)
#define this_cpu_read(copy) __atomic_load_n(this_cpu_ptr(&(copy)), __ATOMIC_RELAXED)
#define this_cpu_write(copy, value) __atomic_store_n(this_cpu_ptr(&(copy)), (value), __ATOMIC_RELAXED)

#endif
