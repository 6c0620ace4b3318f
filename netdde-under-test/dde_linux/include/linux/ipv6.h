/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/ipv6.h>: the system's header and where a buffer has its IPv6 header. */
#ifndef DDE_LINUX_IPV6_H
#define DDE_LINUX_IPV6_H

#include_next <linux/ipv6.h>

#include <linux/skbuff.h>

static inline struct ipv6hdr *ipv6_hdr(const struct sk_buff *skb)
{
    return (struct ipv6hdr *)skb_network_header(skb);
}

#endif
