/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/cpu.h>: CPUs that come and go. None does, so what drivers ask to be told is checked and
 * never happens.
 */
#ifndef DDE_LINUX_CPU_H
#define DDE_LINUX_CPU_H

#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/list.h>

enum cpuhp_state {
    CPUHP_VIRT_NET_DEAD,
    CPUHP_AP_ONLINE_DYN,
    CPUHP_AP_ONLINE_DYN_END = CPUHP_AP_ONLINE_DYN + 30
};

/* 0, or for CPUHP_AP_ONLINE_DYN a state of its own, to be given back; -EBUSY when that one is taken. */
int cpuhp_setup_state_multi(enum cpuhp_state state, const char *name,
                            int (*startup)(unsigned int cpu, struct hlist_node *node),
                            int (*teardown)(unsigned int cpu, struct hlist_node *node));
void cpuhp_remove_multi_state(enum cpuhp_state state);
/* 0, or -EINVAL for a state that nobody has set up. */
int cpuhp_state_add_instance_nocalls(enum cpuhp_state state, struct hlist_node *node);
int cpuhp_state_remove_instance_nocalls(enum cpuhp_state state, struct hlist_node *node);

#define cpus_read_lock() ((void)0)
#define cpus_read_unlock() ((void)0)

#endif
