/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <net/net_failover.h>: pairs of devices of which one stands by. There are none: a device that is
 * to be one of a pair is refused.
 */
#ifndef DDE_NET_NET_FAILOVER_H
#define DDE_NET_NET_FAILOVER_H

#include <linux/err.h>
#include <linux/netdevice.h>

struct failover;

static inline struct failover *net_failover_create(struct net_device *standby __always_unused)
{
    return ERR_PTR(-EOPNOTSUPP);
}

static inline void net_failover_destroy(struct failover *failover __always_unused) {}

#endif
