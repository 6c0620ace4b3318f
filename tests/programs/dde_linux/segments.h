/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a tap is given, as the frames that it was on the wire: a packet that GRO has merged is cut again, as
 * its gso_size, gso_segs and gso_type tell, and a tag that the card took out is put in again. After RFC 9293
 * (TCP), RFC 791 (IPv4), RFC 8200 (IPv6) and RFC 3168 (ECN).
 */
#ifndef DDE_LINUX_PROGRAMS_SEGMENTS_H
#define DDE_LINUX_PROGRAMS_SEGMENTS_H

#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#define SEGMENTS_PACKET_MAX 65535 /* octets without the Ethernet header */

/* Fill in the lengths and checksums of a segment, whose IP header has neither options nor extensions. */
static inline void segment_fill_in(u8 *packet, size_t length)
{
    struct iphdr *ip = (struct iphdr *)packet;
    struct ipv6hdr *ip6 = (struct ipv6hdr *)packet;
    size_t tcp_at = ip->version == 6 ? sizeof(*ip6) : sizeof(*ip);
    struct tcphdr *tcp = (struct tcphdr *)(packet + tcp_at);
    u32 rest = (u32)(length - tcp_at);
    __wsum sum;

    tcp->check = 0;
    sum = csum_partial(tcp, (int)rest, 0);
    if (ip->version == 6) {
        ip6->payload_len = htons((u16)rest);
        tcp->check = csum_ipv6_magic(&ip6->saddr, &ip6->daddr, rest, IPPROTO_TCP, sum);
        return;
    }
    ip->tot_len = htons((u16)length);
    ip->check = 0;
    ip->check = csum_fold(csum_partial(ip, sizeof(*ip), 0));
    tcp->check = csum_tcpudp_magic(ip->saddr, ip->daddr, rest, IPPROTO_TCP, sum);
}

#define SEGMENT_HEADERS (sizeof(struct iphdr) + sizeof(struct tcphdr))

/* A segment over IPv4 with so many octets of payload, which may not be fragmented. Returns its length. */
static inline size_t segment_make(u8 *packet, u16 port, u32 seq, u16 id, size_t payload)
{
    struct iphdr ip = {.version = 4,
                       .ihl = 5,
                       .id = htons(id),
                       .frag_off = htons(IP_DF),
                       .ttl = 64,
                       .protocol = IPPROTO_TCP,
                       .saddr = htonl(0x0a000001),
                       .daddr = htonl(0x0a000002)};
    struct tcphdr tcp = {.source = htons(22),
                         .dest = htons(port),
                         .seq = htonl(seq),
                         .ack_seq = htonl(77),
                         .doff = 5,
                         .ack = 1,
                         .window = htons(500)};

    memcpy(packet, &ip, sizeof(ip));
    memcpy(packet + sizeof(ip), &tcp, sizeof(tcp));
    for (size_t i = 0; i < payload; i++)
        packet[SEGMENT_HEADERS + i] = (u8)((seq + i) * 13);
    segment_fill_in(packet, SEGMENT_HEADERS + payload);
    return SEGMENT_HEADERS + payload;
}

/* Gets the frames, one after the other. */
typedef void (*take_segment)(const u8 *frame, size_t length);

/* Returns the length of the Ethernet header. */
static inline size_t segments_copy_link(u8 *frame, const struct sk_buff *skb)
{
    const u8 *header = skb_mac_header(skb);
    __be16 tci = htons(skb->vlan_tci);

    if (!skb_vlan_tag_present(skb)) {
        memcpy(frame, header, ETH_HLEN);
        return ETH_HLEN;
    }
    memcpy(frame, header, 2 * ETH_ALEN);
    memcpy(frame + 2 * ETH_ALEN, &skb->vlan_proto, sizeof(__be16));
    memcpy(frame + 2 * ETH_ALEN + 2, &tci, sizeof(tci));
    memcpy(frame + 2 * ETH_ALEN + VLAN_HLEN, header + 2 * ETH_ALEN, sizeof(__be16));
    return VLAN_ETH_HLEN;
}

/* Of the frags and the buffers behind the head. */
static inline unsigned int segments_count_behind(const struct sk_buff *skb)
{
    const struct skb_shared_info *shared = skb_shinfo(skb);
    unsigned int octets = 0;

    for (int i = 0; i < shared->nr_frags; i++)
        octets += skb_frag_size(&shared->frags[i]);
    for (const struct sk_buff *part = shared->frag_list; part; part = part->next)
        octets += part->data_len == segments_count_behind(part) ? part->len : 0;
    return octets;
}

/* NULL, or what a merged packet says of itself that is not so. */
static inline const char *segments_mistake(const struct sk_buff *skb, const u8 *packet)
{
    const struct skb_shared_info *shared = skb_shinfo(skb);
    const struct iphdr *ip = (const struct iphdr *)packet;
    const struct ipv6hdr *ip6 = (const struct ipv6hdr *)packet;
    bool v6 = shared->gso_type & SKB_GSO_TCPV6;
    unsigned int tcp_at = v6 ? sizeof(*ip6) : sizeof(*ip), length = skb->len - tcp_at;
    const struct tcphdr *tcp = (const struct tcphdr *)(packet + tcp_at);
    unsigned int payload = length - tcp->doff * 4u;

    if (skb->protocol != htons(v6 ? ETH_P_IPV6 : ETH_P_IP) || !(shared->gso_type & SKB_GSO_TCPV4) != v6)
        return "the protocol is not that of gso_type";
    if (shared->gso_segs < 2 || (payload + shared->gso_size - 1) / shared->gso_size != shared->gso_segs)
        return "gso_segs is not what gso_size makes of the payload";
    if (v6 ? ntohs(ip6->payload_len) != length : ntohs(ip->tot_len) != skb->len)
        return "the IP header has another length";
    if (!v6 && csum_fold(csum_partial(ip, sizeof(*ip), 0)) != 0)
        return "the IPv4 header's checksum is wrong";
    if (skb->ip_summed != CHECKSUM_PARTIAL || skb_checksum_start_offset(skb) != (int)tcp_at ||
        skb_transport_offset(skb) != (int)tcp_at || skb->csum_offset != offsetof(struct tcphdr, check))
        return "the checksum is not left to be computed over the TCP segment";
    if (tcp->check != (__sum16) ~(v6 ? csum_ipv6_magic(&ip6->saddr, &ip6->daddr, length, IPPROTO_TCP, 0)
                                     : csum_tcpudp_magic(ip->saddr, ip->daddr, length, IPPROTO_TCP, 0)))
        return "the checksum is not the pseudo header's";
    if (tcp->cwr != !!(shared->gso_type & SKB_GSO_TCP_ECN))
        return "gso_type and the header do not agree on congestion";
    return NULL;
}

/* Write segment number i of a packet, with `more` octets of payload. Returns its length. */
static inline size_t segments_cut(u8 *segment, const struct sk_buff *skb, const u8 *packet, unsigned int i,
                                  unsigned int more)
{
    const struct skb_shared_info *shared = skb_shinfo(skb);
    size_t headers = (size_t)skb_tcp_all_headers(skb);
    struct iphdr *ip = (struct iphdr *)segment;
    struct tcphdr *tcp = (struct tcphdr *)(segment + skb_transport_offset(skb));
    bool last = i + 1u == shared->gso_segs;

    memcpy(segment, packet, headers);
    memcpy(segment + headers, packet + headers + i * shared->gso_size, more);
    if ((shared->gso_type & (SKB_GSO_TCPV4 | SKB_GSO_TCP_FIXEDID)) == SKB_GSO_TCPV4)
        ip->id = htons((u16)(ntohs(ip->id) + i));
    tcp->seq = htonl(ntohl(tcp->seq) + i * shared->gso_size);
    tcp->cwr &= i == 0;
    tcp->fin &= last;
    tcp->psh &= last;
    segment_fill_in(segment, headers + more);
    return headers + more;
}

/* Returns NULL, or what is wrong with the packet, of which nobody gets anything then. Not for two threads at
 * once. */
static inline const char *segments_of(const struct sk_buff *skb, take_segment take)
{
    static u8 packet[SEGMENTS_PACKET_MAX], frame[VLAN_ETH_HLEN + SEGMENTS_PACKET_MAX];
    size_t link = segments_copy_link(frame, skb);
    unsigned int size = skb_shinfo(skb)->gso_size, left = skb->len;
    const char *mistake;

    if (skb->len > sizeof(packet) || segments_count_behind(skb) != skb->data_len ||
        skb_copy_bits(skb, 0, packet, (int)skb->len) != 0)
        return "it has not the length that it tells";
    if (!size) {
        memcpy(frame + link, packet, skb->len);
        take(frame, link + skb->len);
        return NULL;
    }
    mistake = segments_mistake(skb, packet);
    left -= mistake ? 0 : (unsigned int)skb_tcp_all_headers(skb);
    for (unsigned int i = 0; !mistake && i < skb_shinfo(skb)->gso_segs; i++, left -= min(left, size))
        take(frame, link + segments_cut(frame + link, skb, packet, i, min(left, size)));
    return mistake;
}

#endif
