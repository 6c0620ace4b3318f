/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generic receive offload (GRO): segments of a TCP connection that follow each other go up as one packet,
 * from which segmentation would make the same frames again. See <linux/netdevice.h>; headers after RFC 791
 * (IPv4), RFC 8200 (IPv6) and RFC 9293 (TCP).
 *
 * A napi_struct holds one packet of each flow, at most HELD_MAX in a bucket of flows, until a frame of the
 * flow does not continue it, or ends it, or the poll is over. So the frames of a flow stay in order. What is
 * no intact segment belongs to no flow here and overtakes what is held, as it does in Linux: other protocols,
 * fragments, headers with IP options, wrong checksums.
 *
 * Only who polls a napi_struct uses what it holds, so there are no locks.
 *
 * Left out: UDP, which Linux merges for sockets that ask for it; tunnels; tags inside the frame and extension
 * headers of IPv6; merging what the device has merged. Linux, too, keeps nothing from one poll to the next
 * unless it is told so (gro_flush_timeout).
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/tcp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>

#include "netdde-under-test/dde_linux/internal.h"

#define HELD_MAX 8       /* packets of one bucket */
#define BATCH 8          /* frames that go up together, gro_normal_batch */
#define PACKET_MAX 65535 /* octets from the IP header on, which IPv4 can tell */

/* Segments that end a packet, whatever follows. */
#define ENDING (TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST | TCP_FLAG_PSH | TCP_FLAG_URG)
/* Of the flags, those in which segments of one packet may differ: the last one's end it, and congestion is
 * answered in the first one (RFC 3168, section 6.1.2). */
#define VARYING (TCP_FLAG_FIN | TCP_FLAG_PSH | TCP_FLAG_CWR)

#define IPV6_VERSION_AND_LABEL htonl(0xf00fffff)

/* What is noted in a held packet's cb. Its gso_size is the payload of its first segment; no later one has
 * more. */
struct held {
    struct sk_buff *last; /* which gets what comes next: the packet, or the last one of its frag_list */
    unsigned long since;  /* jiffies */
    u16 segments;
    bool same_id; /* all segments have the same IPv4 identification; else it counts up */
};

static struct held *held(const struct sk_buff *packet)
{
    return (struct held *)(uintptr_t)packet->cb;
}

/* --- Going up ------------------------------------------------------------------------------------------ */

static void deliver_batch(struct napi_struct *napi)
{
    struct sk_buff *skb;

    napi->rx_count = 0;
    while ((skb = __skb_dequeue(&napi->rx_list)))
        netif_receive_skb(skb);
}

static void deliver(struct napi_struct *napi, struct sk_buff *skb, int segments)
{
    __skb_queue_tail(&napi->rx_list, skb);
    napi->rx_count += segments;
    if (napi->rx_count >= BATCH)
        deliver_batch(napi);
}

static bool is_ipv4(const struct sk_buff *skb)
{
    return skb->protocol == htons(ETH_P_IP);
}

/* Octets from the TCP header on. */
static unsigned int tcp_length(const struct sk_buff *skb)
{
    return skb->len - (unsigned int)skb_transport_offset(skb);
}

/* The checksum field of the whole, given the sum of what follows the pseudo header. */
static __sum16 tcp_checksum(const struct sk_buff *skb, __wsum sum)
{
    if (is_ipv4(skb))
        return csum_tcpudp_magic(ip_hdr(skb)->saddr, ip_hdr(skb)->daddr, tcp_length(skb), IPPROTO_TCP, sum);
    return csum_ipv6_magic(&ipv6_hdr(skb)->saddr, &ipv6_hdr(skb)->daddr, tcp_length(skb), IPPROTO_TCP, sum);
}

static void finish_ipv4(struct sk_buff *packet)
{
    struct iphdr *ip = ip_hdr(packet);

    ip->tot_len = htons((u16)packet->len);
    ip->check = 0;
    ip->check = csum_fold(csum_partial(ip, sizeof(*ip), 0));
    skb_shinfo(packet)->gso_type |= SKB_GSO_TCPV4 | (held(packet)->same_id ? SKB_GSO_TCP_FIXEDID : 0);
}

static void finish_ipv6(struct sk_buff *packet)
{
    ipv6_hdr(packet)->payload_len = htons((u16)(packet->len - sizeof(struct ipv6hdr)));
    skb_shinfo(packet)->gso_type |= SKB_GSO_TCPV6;
}

/* Headers for all segments, with the checksum left to who segments the packet again: each segment's was
 * right. */
static void finish_headers(struct sk_buff *packet)
{
    struct tcphdr *tcp = tcp_hdr(packet);

    if (is_ipv4(packet))
        finish_ipv4(packet);
    else
        finish_ipv6(packet);
    if (tcp->cwr)
        skb_shinfo(packet)->gso_type |= SKB_GSO_TCP_ECN;
    skb_shinfo(packet)->gso_segs = held(packet)->segments;
    tcp->check = ~tcp_checksum(packet, 0);
    packet->ip_summed = CHECKSUM_PARTIAL;
    packet->csum_start = packet->transport_header;
    packet->csum_offset = offsetof(struct tcphdr, check);
}

static void let_go(struct napi_struct *napi, struct sk_buff_head *bucket, struct sk_buff *packet)
{
    int segments = held(packet)->segments;

    __skb_unlink(packet, bucket);
    if (segments > 1)
        finish_headers(packet);
    else
        skb_shinfo(packet)->gso_size = 0;
    deliver(napi, packet, segments);
}

/* --- Which frames are segments ------------------------------------------------------------------------- */

/* Octets of the IP header in front of a TCP header; 0 for what is not merged in any case. */
static unsigned int ipv4_header(struct sk_buff *skb)
{
    const struct iphdr *ip;

    if (!pskb_may_pull(skb, sizeof(*ip)))
        return 0;
    ip = ip_hdr(skb);
    if (ip->version != 4 || ip->ihl * 4u != sizeof(*ip) || ip->protocol != IPPROTO_TCP)
        return 0;
    if ((ip->frag_off & htons(IP_MF | IP_OFFSET)) || csum_fold(csum_partial(ip, sizeof(*ip), 0)))
        return 0;
    return sizeof(*ip);
}

static unsigned int ipv6_header(struct sk_buff *skb)
{
    if (!pskb_may_pull(skb, sizeof(struct ipv6hdr)) || ipv6_hdr(skb)->version != 6 ||
        ipv6_hdr(skb)->nexthdr != IPPROTO_TCP)
        return 0;
    return sizeof(struct ipv6hdr);
}

/* Whether it is a TCP segment; then its headers lie in the head, and the buffer tells where. */
static bool find_headers(struct sk_buff *skb)
{
    unsigned int ip = 0;

    skb_reset_network_header(skb);
    if (is_ipv4(skb))
        ip = ipv4_header(skb);
    else if (skb->protocol == htons(ETH_P_IPV6))
        ip = ipv6_header(skb);
    if (!ip || !pskb_may_pull(skb, ip + (unsigned int)sizeof(struct tcphdr)))
        return false;
    skb_set_transport_header(skb, (int)ip);
    return tcp_hdrlen(skb) >= sizeof(struct tcphdr) && pskb_may_pull(skb, ip + tcp_hdrlen(skb));
}

static unsigned int payload(const struct sk_buff *skb)
{
    return skb->len - (unsigned int)skb_tcp_all_headers(skb);
}

/* Whether it is one segment from its first octet to its last one: a short frame has been filled up behind it.
 */
static bool is_exact(const struct sk_buff *skb)
{
    if (skb_is_gso(skb) || skb_shinfo(skb)->frag_list)
        return false;
    if (is_ipv4(skb))
        return ntohs(ip_hdr(skb)->tot_len) == skb->len && !(ip_hdr(skb)->frag_off & htons(IP_CE));
    return ntohs(ipv6_hdr(skb)->payload_len) + sizeof(struct ipv6hdr) == skb->len;
}

/* The device may have looked already, or have none to compute: of a frame that never was on a wire. */
static bool checksum_is_right(struct sk_buff *skb)
{
    if (skb->ip_summed == CHECKSUM_UNNECESSARY || skb->ip_summed == CHECKSUM_PARTIAL)
        return true;
    if (tcp_checksum(skb, skb_checksum(skb, skb_transport_offset(skb), (int)tcp_length(skb), 0)))
        return false;
    if (skb->ip_summed == CHECKSUM_NONE)
        skb->ip_summed = CHECKSUM_UNNECESSARY;
    return true;
}

/* --- What continues what ------------------------------------------------------------------------------- */

static bool same_link(const struct sk_buff *a, const struct sk_buff *b)
{
    if (a->dev != b->dev || skb_vlan_tag_present(a) != skb_vlan_tag_present(b))
        return false;
    if (skb_vlan_tag_present(a) &&
        (a->vlan_proto != b->vlan_proto || skb_vlan_tag_get(a) != skb_vlan_tag_get(b)))
        return false;
    return memcmp(skb_mac_header(a), skb_mac_header(b), ETH_HLEN) == 0;
}

static bool same_ipv4_addresses(const struct iphdr *a, const struct iphdr *b)
{
    return a->saddr == b->saddr && a->daddr == b->daddr;
}

/* Version, traffic class and flow label: what differs. */
static __be32 first_word_difference(const struct ipv6hdr *a, const struct ipv6hdr *b)
{
    __be32 one, other;

    memcpy(&one, a, sizeof(one));
    memcpy(&other, b, sizeof(other));
    return one ^ other;
}

static bool same_ipv6_addresses(const struct ipv6hdr *a, const struct ipv6hdr *b)
{
    return !(first_word_difference(a, b) & IPV6_VERSION_AND_LABEL) &&
           memcmp(&a->saddr, &b->saddr, 2 * sizeof(a->saddr)) == 0;
}

static bool same_flow(const struct sk_buff *a, const struct sk_buff *b)
{
    if (a->hash != b->hash || !same_link(a, b))
        return false;
    if (is_ipv4(a) ? !same_ipv4_addresses(ip_hdr(a), ip_hdr(b))
                   : !same_ipv6_addresses(ipv6_hdr(a), ipv6_hdr(b)))
        return false;
    return tcp_hdr(a)->source == tcp_hdr(b)->source && tcp_hdr(a)->dest == tcp_hdr(b)->dest;
}

static struct sk_buff *find_flow(const struct sk_buff_head *bucket, const struct sk_buff *skb)
{
    for (struct sk_buff *packet = bucket->next; packet != (const struct sk_buff *)bucket;
         packet = packet->next) {
        if (same_flow(packet, skb))
            return packet;
    }
    return NULL;
}

/* Who forbids fragments may leave the identification as it is (RFC 6864, section 4.1): the second segment
 * tells. */
static bool id_continues(const struct sk_buff *packet, const struct iphdr *next)
{
    u16 distance = (u16)(ntohs(next->id) - ntohs(ip_hdr(packet)->id));
    struct held *is = held(packet);

    if (is->segments == 1)
        is->same_id = distance == 0 && (next->frag_off & htons(IP_DF));
    return distance == (is->same_id ? 0 : is->segments);
}

static bool ipv4_continues(const struct sk_buff *packet, const struct iphdr *next)
{
    const struct iphdr *ip = ip_hdr(packet);

    return ip->ttl == next->ttl && ip->tos == next->tos && ip->frag_off == next->frag_off &&
           id_continues(packet, next);
}

static bool ipv6_continues(const struct ipv6hdr *ip, const struct ipv6hdr *next)
{
    return !first_word_difference(ip, next) && ip->hop_limit == next->hop_limit;
}

/* Flags and window are one word, options what is behind the header's fixed part. */
static bool tcp_continues(const struct sk_buff *packet, const struct sk_buff *skb)
{
    const struct tcphdr *tcp = tcp_hdr(packet), *next = tcp_hdr(skb);
    unsigned int headers = (unsigned int)skb_tcp_all_headers(packet);

    if ((tcp_flag_word(next) & TCP_FLAG_CWR) || ((tcp_flag_word(tcp) ^ tcp_flag_word(next)) & ~VARYING))
        return false;
    if (tcp->ack_seq != next->ack_seq || memcmp(tcp + 1, next + 1, tcp_hdrlen(packet) - sizeof(*tcp)) != 0)
        return false;
    return ntohl(next->seq) == ntohl(tcp->seq) + packet->len - headers;
}

/* Whether the segment, of the same flow, can be made again of both together. */
static bool continues(const struct sk_buff *packet, const struct sk_buff *skb)
{
    unsigned int more = payload(skb);

    if (more == 0 || more > skb_shinfo(packet)->gso_size || packet->len + more > PACKET_MAX)
        return false;
    if (is_ipv4(packet) ? !ipv4_continues(packet, ip_hdr(skb))
                        : !ipv6_continues(ipv6_hdr(packet), ipv6_hdr(skb)))
        return false;
    return tcp_continues(packet, skb);
}

/* --- Merging ------------------------------------------------------------------------------------------- */

/* Let the payload, as far as it lies in pages, its head included, belong to another buffer. Returns whether
 * all of it does and there is room for it; *head when its head does. */
static bool move_payload(struct sk_buff *to, struct sk_buff *from, bool *head)
{
    struct skb_shared_info *have = skb_shinfo(to), *more = skb_shinfo(from);
    unsigned int headers = (unsigned int)skb_tcp_all_headers(from), in_head = skb_headlen(from) - headers;

    *head = in_head > 0;
    if (*head && !from->head_frag)
        return false;
    if (have->nr_frags + more->nr_frags + *head > MAX_SKB_FRAGS)
        return false;
    if (*head) {
        struct page *page = virt_to_head_page(from->head);

        skb_fill_page_desc(to, have->nr_frags, page, (int)(from->data + headers - (u8 *)page_address(page)),
                           (int)in_head);
    }
    memcpy(&have->frags[have->nr_frags], more->frags, more->nr_frags * sizeof(*more->frags));
    have->nr_frags = (u8)(have->nr_frags + more->nr_frags);
    more->nr_frags = 0;
    return true;
}

static void count_more(struct sk_buff *skb, unsigned int octets, unsigned int truesize)
{
    skb->len += octets;
    skb->data_len += octets;
    skb->truesize += truesize;
}

/* Append the payload: its pages, or the buffer without its headers. */
static gro_result_t append(struct sk_buff *packet, struct sk_buff *skb)
{
    struct sk_buff *last = held(packet)->last;
    unsigned int more = payload(skb), truesize = skb->truesize;
    bool pages, head;

    tcp_flag_word(tcp_hdr(packet)) |= tcp_flag_word(tcp_hdr(skb)) & (TCP_FLAG_FIN | TCP_FLAG_PSH);
    held(packet)->segments++;
    pages = move_payload(last, skb, &head);
    count_more(packet, more, truesize);
    if (pages) {
        if (last != packet)
            count_more(last, more, truesize);
        kfree_skb_partial(skb, head);
        return GRO_MERGED_FREE;
    }
    skb_pull(skb, (unsigned int)skb_tcp_all_headers(skb));
    if (last == packet)
        skb_shinfo(packet)->frag_list = skb;
    else
        last->next = skb;
    held(packet)->last = skb;
    return GRO_MERGED;
}

static void hold(struct napi_struct *napi, struct sk_buff_head *bucket, struct sk_buff *skb)
{
    if (skb_queue_len(bucket) == HELD_MAX)
        let_go(napi, bucket, bucket->next);
    *held(skb) = (struct held){.last = skb, .since = jiffies, .segments = 1};
    skb_shinfo(skb)->gso_size = (u16)payload(skb);
    __skb_queue_tail(bucket, skb);
}

/* Take what is merged or held. GRO_NORMAL: the frame is still the caller's, and goes up now. */
static gro_result_t take(struct napi_struct *napi, struct sk_buff *skb)
{
    struct sk_buff_head *bucket = &napi->gro_hash[skb->hash % GRO_HASH_BUCKETS];
    struct sk_buff *packet;
    bool exact, last;

    if (!(skb->dev->features & NETIF_F_GRO) || !find_headers(skb))
        return GRO_NORMAL;
    exact = is_exact(skb);
    if (exact && !checksum_is_right(skb))
        return GRO_NORMAL;
    packet = find_flow(bucket, skb);
    last = tcp_flag_word(tcp_hdr(skb)) & ENDING;
    if (packet && exact && continues(packet, skb)) {
        bool shorter = payload(skb) < skb_shinfo(packet)->gso_size;
        gro_result_t result = append(packet, skb);

        if (last || shorter)
            let_go(napi, bucket, packet);
        return result;
    }
    if (packet)
        let_go(napi, bucket, packet);
    if (!exact || last || payload(skb) == 0)
        return GRO_NORMAL;
    hold(napi, bucket, skb);
    return GRO_HELD;
}

gro_result_t napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
    gro_result_t result = take(napi, skb);

    if (result == GRO_NORMAL)
        deliver(napi, skb, 1);
    return result;
}

/* --- Buffers that are filled with pages ---------------------------------------------------------------- */

/* Room in the head of such a buffer, for the headers. */
#define FRAGS_HEAD 128

struct sk_buff *napi_get_frags(struct napi_struct *napi)
{
    if (!napi->skb)
        napi->skb = napi_alloc_skb(napi, FRAGS_HEAD);
    return napi->skb;
}

/* The buffer has no header yet: it begins in the first page. */
gro_result_t napi_gro_frags(struct napi_struct *napi)
{
    struct sk_buff *skb = napi->skb;

    napi->skb = NULL;
    if (!pskb_may_pull(skb, ETH_HLEN)) {
        kfree_skb(skb);
        return GRO_CONSUMED;
    }
    skb->protocol = eth_type_trans(skb, napi->dev);
    return napi_gro_receive(napi, skb);
}

void napi_free_frags(struct napi_struct *napi)
{
    kfree_skb(napi->skb);
    napi->skb = NULL;
}

/* --- What a napi_struct holds -------------------------------------------------------------------------- */

void napi_gro_flush(struct napi_struct *napi, bool flush_old)
{
    for (int i = 0; i < GRO_HASH_BUCKETS; i++) {
        struct sk_buff_head *bucket = &napi->gro_hash[i];

        /* The first one is the oldest. */
        while (!skb_queue_empty(bucket) && !(flush_old && held(bucket->next)->since == jiffies))
            let_go(napi, bucket, bucket->next);
    }
}

void gro_finish_poll(struct napi_struct *napi)
{
    napi_gro_flush(napi, false);
    deliver_batch(napi);
}

void gro_init(struct napi_struct *napi)
{
    for (int i = 0; i < GRO_HASH_BUCKETS; i++)
        __skb_queue_head_init(&napi->gro_hash[i]);
    __skb_queue_head_init(&napi->rx_list);
    napi->rx_count = 0;
}

void gro_release(struct napi_struct *napi)
{
    napi_free_frags(napi);
    for (int i = 0; i < GRO_HASH_BUCKETS; i++)
        __skb_queue_purge(&napi->gro_hash[i]);
    __skb_queue_purge(&napi->rx_list);
}
