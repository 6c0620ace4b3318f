/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/if_ether.h>: the system's header and eth_hdr. */
#ifndef DDE_LINUX_IF_ETHER_H
#define DDE_LINUX_IF_ETHER_H

#include_next <linux/if_ether.h>

#include <linux/skbuff.h>

static inline struct ethhdr *eth_hdr(const struct sk_buff *skb)
{
    return (struct ethhdr *)skb_mac_header(skb);
}

#endif
