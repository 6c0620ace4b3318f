/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/udp.h>: the system's header, and where a buffer has its UDP header. */
#ifndef DDE_LINUX_UDP_H
#define DDE_LINUX_UDP_H

#include_next <linux/udp.h>

#include <linux/skbuff.h>

#define UDP_MAX_SEGMENTS (1 << 7)

static inline struct udphdr *udp_hdr(const struct sk_buff *skb)
{
    return (struct udphdr *)skb_transport_header(skb);
}

#endif
