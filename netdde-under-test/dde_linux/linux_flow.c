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

/* --- The hash of a flow ------------------------------------------------------------------------------------
 */

/* Knuth's multiplicative hash. Its upper bits are the good ones. */
static u32 mix(u32 hash, u32 word)
{
    return ((hash ^ word) + 1) * 2654435761u;
}

/* The two ports, if that is what the payload begins with. */
static u32 hash_ports(const struct sk_buff *skb, int at, u8 protocol, u32 hash)
{
    __be16 ports[2];

    if ((protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) || skb_copy_bits(skb, at, ports, sizeof(ports)))
        return hash;
    return mix(hash, (u32)(ports[0] ^ ports[1]));
}

static u32 hash_ipv4(const struct sk_buff *skb, int at)
{
    struct flow_keys_basic keys;
    struct iphdr header;
    u32 hash;

    if (!dissect_ipv4(skb, at, &keys) || skb_copy_bits(skb, at, &header, sizeof(header)))
        return 0;
    hash = mix(mix(0, header.saddr ^ header.daddr), header.protocol);
    /* Only the first fragment has the ports. */
    if (header.frag_off & htons(0x3fff))
        return hash;
    return hash_ports(skb, keys.control.thoff, header.protocol, hash);
}

static u32 hash_ipv6(const struct sk_buff *skb, int at)
{
    struct flow_keys_basic keys;
    struct ipv6hdr header;
    u32 hash = 0;

    if (!dissect_ipv6(skb, at, &keys) || skb_copy_bits(skb, at, &header, sizeof(header)))
        return 0;
    for (int i = 0; i < 4; i++)
        hash = mix(hash, header.saddr.s6_addr32[i] ^ header.daddr.s6_addr32[i]);
    return hash_ports(skb, keys.control.thoff, header.nexthdr, mix(hash, header.nexthdr));
}

u32 skb_get_hash(struct sk_buff *skb)
{
    int at = (int)(skb_mac_header(skb) - skb->data) + ETH_HLEN;
    u16 protocol = be16_to_cpu(((const struct ethhdr *)skb_mac_header(skb))->h_proto);

    if (!skb->hash && protocol == ETH_P_IP)
        skb->hash = hash_ipv4(skb, at);
    else if (!skb->hash && protocol == ETH_P_IPV6)
        skb->hash = hash_ipv6(skb, at);
    return skb->hash;
}
