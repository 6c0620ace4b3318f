/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/ip.h>: the system's header and where a buffer has its IPv4 header. */
#ifndef DDE_LINUX_IP_H
#define DDE_LINUX_IP_H

#include_next <linux/ip.h>

#include <linux/skbuff.h>

static inline struct iphdr *ip_hdr(const struct sk_buff *skb)
{
    return (struct iphdr *)skb_network_header(skb);
}

#endif
