/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/ip6_checksum.h>: the pseudo header of IPv6 (RFC 8200, section 8.1). */
#ifndef DDE_NET_IP6_CHECKSUM_H
#define DDE_NET_IP6_CHECKSUM_H

#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <net/checksum.h>

__sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr, __u32 len, __u8 proto,
                        __wsum sum);

/* What a device that segments TCP over IPv6 expects: no payload length, and a sum without it. */
static inline void tcp_v6_gso_csum_prep(struct sk_buff *skb)
{
    struct ipv6hdr *header = ipv6_hdr(skb);

    header->payload_len = 0;
    tcp_hdr(skb)->check = ~csum_ipv6_magic(&header->saddr, &header->daddr, 0, IPPROTO_TCP, 0);
}

#endif
