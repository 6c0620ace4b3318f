/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CPUs, which never go: see <linux/cpumask.h> and <linux/cpu.h>. */
#include <dde_linux/dde_linux.h>
#include <linux/bug.h>
#include <linux/cpu.h>

/* Set before any driver asks. */
unsigned int nr_cpu_ids = 1;
static struct cpumask online = {{1}};
const struct cpumask *const cpu_online_mask = &online;

void dde_linux_set_cpus(unsigned int count)
{
    BUG_ON(count < 1 || count > NR_CPUS);
    nr_cpu_ids = count;
    online.bits[0] = (1ul << count) - 1;
}

/* Bits of the states that somebody has set up; changed only atomically. */
static unsigned long states;

const struct cpumask *get_cpu_mask(unsigned int cpu)
{
    static const struct cpumask only[NR_CPUS] = {{{1}}, {{2}}, {{4}}, {{8}}, {{16}}, {{32}}, {{64}}, {{128}}};

    BUG_ON(cpu >= nr_cpu_ids);
    return &only[cpu];
}

int cpuhp_setup_state_multi(enum cpuhp_state state, const char *name __always_unused,
                            int (*startup)(unsigned int, struct hlist_node *) __always_unused,
                            int (*teardown)(unsigned int, struct hlist_node *) __always_unused)
{
    if (state != CPUHP_AP_ONLINE_DYN)
        return test_and_set_bit(state, &states) ? -EBUSY : 0;
    for (int dynamic = CPUHP_AP_ONLINE_DYN; dynamic < CPUHP_AP_ONLINE_DYN_END; dynamic++) {
        if (!test_and_set_bit(dynamic, &states))
            return dynamic;
    }
    return -ENOSPC;
}

void cpuhp_remove_multi_state(enum cpuhp_state state)
{
    WARN_ON(!test_and_clear_bit(state, &states));
}

int cpuhp_state_add_instance_nocalls(enum cpuhp_state state, struct hlist_node *node __always_unused)
{
    return test_bit(state, &states) ? 0 : -EINVAL;
}

int cpuhp_state_remove_instance_nocalls(enum cpuhp_state state, struct hlist_node *node __always_unused)
{
    return test_bit(state, &states) ? 0 : -EINVAL;
}
