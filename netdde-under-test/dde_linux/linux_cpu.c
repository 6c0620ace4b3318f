/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one CPU, which never goes: see <linux/cpumask.h> and <linux/cpu.h>. */
#include <linux/bug.h>
#include <linux/cpu.h>

static const struct cpumask cpu0 = {{1}};
const struct cpumask *const cpu_online_mask = &cpu0;

/* Bits of the states that somebody has set up; changed only atomically. */
static unsigned long states;

const struct cpumask *get_cpu_mask(unsigned int cpu)
{
    BUG_ON(cpu >= nr_cpu_ids);
    return &cpu0;
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
