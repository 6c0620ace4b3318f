/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A driver's own statistics, as ethtool -S shows them. */
#ifndef DDE_LINUX_PROGRAMS_STATISTICS_H
#define DDE_LINUX_PROGRAMS_STATISTICS_H

#include <assert.h>

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

/* The one of that name; false when the driver has none. */
static inline bool find_statistic(struct net_device *dev, const char *name, u64 *value)
{
    const struct ethtool_ops *ops = dev->ethtool_ops;
    int count = ops->get_sset_count(dev, ETH_SS_STATS);
    char(*names)[ETH_GSTRING_LEN] = kcalloc((size_t)count, ETH_GSTRING_LEN, GFP_KERNEL);
    u64 *values = kcalloc((size_t)count, sizeof(*values), GFP_KERNEL);
    bool found = false;

    ops->get_strings(dev, ETH_SS_STATS, (u8 *)names);
    ops->get_ethtool_stats(dev, NULL, values);
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *value = values[i];
            found = true;
        }
    }
    kfree(names);
    kfree(values);
    return found;
}

static inline u64 read_statistic(struct net_device *dev, const char *name)
{
    u64 value;

    assert(find_statistic(dev, name, &value));
    return value;
}

#endif
