/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What headers tell of a frame's flow, see <net/flow_dissector.h>. After RFC 791, section 3.1, and RFC 8200,
 * section 3.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/kernel.h>
#include <linux/skbuff.h>
#include <net/flow_dissector.h>

static bool dissect_ipv4(const struct sk_buff *skb, int at, struct flow_keys_basic *keys)
{
    struct iphdr header;

    if (skb_copy_bits(skb, at, &header, sizeof(header)) || header.version != 4 || header.ihl < 5)
        return false;
    keys->control.thoff = (u16)(at + header.ihl * 4);
    keys->basic.ip_proto = header.protocol;
    return true;
}

static bool dissect_ipv6(const struct sk_buff *skb, int at, struct flow_keys_basic *keys)
{
    struct ipv6hdr header;

    if (skb_copy_bits(skb, at, &header, sizeof(header)) || header.version != 6)
        return false;
    keys->control.thoff = (u16)(at + (int)sizeof(header));
    keys->basic.ip_proto = header.nexthdr;
    return true;
}

bool skb_flow_dissect_flow_keys_basic(const struct net *net __always_unused, const struct sk_buff *skb,
                                      struct flow_keys_basic *keys, const void *data, __be16 proto, int nhoff,
                                      int hlen, unsigned int flags)
{
    int at = skb_network_offset(skb);

    BUG_ON(data || proto || nhoff || hlen || flags);
    keys->basic.n_proto = skb->protocol;
    switch (be16_to_cpu(skb->protocol)) {
    case ETH_P_IP:
        return dissect_ipv4(skb, at, keys);
    case ETH_P_IPV6:
        return dissect_ipv6(skb, at, keys);
    default:
        return false;
    }
}
