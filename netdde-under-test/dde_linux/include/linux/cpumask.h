/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/cpumask.h>: sets of CPUs. A thread stands for a CPU of its own, but what is kept per CPU
 * exists once: whoever asks is on number 0. How many there are to count is for those who divide work among
 * them, see dde_linux_set_cpus().
 */
#ifndef DDE_LINUX_CPUMASK_H
#define DDE_LINUX_CPUMASK_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/gfp.h>

#define NR_CPUS 8u /* at most */
extern unsigned int nr_cpu_ids;
#define num_online_cpus() nr_cpu_ids
#define smp_processor_id() 0
#define raw_smp_processor_id() 0

#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < nr_cpu_ids; (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)

struct cpumask {
    unsigned long bits[1];
};
typedef struct cpumask cpumask_var_t[1];

extern const struct cpumask *const cpu_online_mask;
/* The set of one CPU. */
const struct cpumask *get_cpu_mask(unsigned int cpu);
#define cpumask_of(cpu) get_cpu_mask(cpu)

#define cpumask_bits(mask) ((mask)->bits)

/* A set takes no room of its own. */
static inline bool alloc_cpumask_var(cpumask_var_t *mask __always_unused, gfp_t flags __always_unused)
{
    return true;
}

static inline bool zalloc_cpumask_var(cpumask_var_t *mask, gfp_t flags __always_unused)
{
    (*mask)->bits[0] = 0;
    return true;
}

static inline void free_cpumask_var(struct cpumask *mask __always_unused) {}

static inline void cpumask_clear(struct cpumask *mask)
{
    mask->bits[0] = 0;
}

static inline void cpumask_copy(struct cpumask *to, const struct cpumask *from)
{
    *to = *from;
}

static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *mask)
{
    set_bit(cpu, mask->bits);
}

static inline unsigned int cpumask_first(const struct cpumask *mask)
{
    return (unsigned int)find_first_bit(mask->bits, nr_cpu_ids);
}

/* The next one behind n, from the first again after the last. */
static inline int cpumask_next_wrap(int n, const struct cpumask *mask, int start __always_unused,
                                    bool wrap __always_unused)
{
    unsigned long next = find_next_bit(mask->bits, nr_cpu_ids, (unsigned long)n + 1);

    return next < nr_cpu_ids ? (int)next : (int)cpumask_first(mask);
}

#endif
