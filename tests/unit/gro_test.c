/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GRO (generic receive offload) by itself: frames are handed to a napi_struct as a driver would, and a tap
 * has what goes up. Each rule of what may be merged has a case that only this rule decides; and for random
 * streams what goes up, cut again, is each flow's frames in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>

#include "harness/machine/machine.h"
#include "tests/programs/dde_linux/segments.h"

#define MSS 1000u
#define LINK ETH_HLEN
#define FRAMES_MAX 512 /* of one case */
#define BATCH 8        /* segments that go up together */
#define HELD_MAX 8     /* flows of one bucket */
#define OPTIONS 12     /* octets of a time stamp, padded */

/* A frame, and what the card tells of it. */
struct frame {
    u8 octets[2048];
    size_t length;
    int tag; /* the card took it out of the frame; -1: there was none */
    __be16 tag_kind;
    u8 summed;
    u32 hash;
    int device;
    u16 merged; /* by the device: octets of each of its segments */
    bool parts; /* the driver appended a buffer for the last octet */
};

static struct net_device *devices[2];
static struct napi_struct napi;

/* What went up. */
static struct {
    struct frame frames[FRAMES_MAX]; /* cut again, with their tags */
    size_t frame_count;
    unsigned int segments[FRAMES_MAX]; /* of each packet */
    unsigned int octets[FRAMES_MAX];   /* from the IP header on */
    unsigned int types[FRAMES_MAX];    /* gso_type */
    u8 summed[FRAMES_MAX];
    size_t count;
} up;
static int made, freed; /* buffers */

/* --- Frames -------------------------------------------------------------------------------------------- */

static void make_link(struct frame *frame, u16 type)
{
    static const u8 addresses[2 * ETH_ALEN] = {0x52, 0x54, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1};
    const __be16 protocol = htons(type);

    memset(frame, 0, sizeof(*frame));
    frame->tag = -1;
    frame->tag_kind = htons(ETH_P_8021Q);
    memcpy(frame->octets, addresses, sizeof(addresses));
    memcpy(frame->octets + sizeof(addresses), &protocol, sizeof(protocol));
}

static u8 *packet_of(struct frame *frame)
{
    return frame->octets + LINK;
}

static struct iphdr *ip_of(struct frame *frame)
{
    return (struct iphdr *)packet_of(frame);
}

static struct ipv6hdr *ip6_of(struct frame *frame)
{
    return (struct ipv6hdr *)packet_of(frame);
}

static bool is_v6(const struct frame *frame)
{
    return frame->octets[LINK] >> 4 == 6;
}

static struct tcphdr *tcp_of(struct frame *frame)
{
    return (struct tcphdr *)(packet_of(frame) +
                             (is_v6(frame) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)));
}

static void fill_in(struct frame *frame)
{
    segment_fill_in(packet_of(frame), frame->length - LINK);
}

static void make_v4(struct frame *frame, u32 sequence, u16 id, size_t payload)
{
    make_link(frame, ETH_P_IP);
    frame->length = LINK + segment_make(packet_of(frame), 40000, sequence, id, payload);
}

/* The same over IPv6. */
static void make_v6(struct frame *frame, u32 sequence, u16 id, size_t payload)
{
    struct ipv6hdr ip = {.version = 6, .nexthdr = IPPROTO_TCP, .hop_limit = 64};

    make_v4(frame, sequence, id, payload);
    memmove(packet_of(frame) + sizeof(ip), packet_of(frame) + sizeof(struct iphdr), frame->length - LINK);
    ip.saddr.s6_addr[15] = 1;
    ip.daddr.s6_addr[15] = 2;
    memcpy(packet_of(frame), &ip, sizeof(ip));
    memcpy(frame->octets + 2 * ETH_ALEN, (const u8[]){0x86, 0xdd}, 2);
    frame->length += sizeof(ip) - sizeof(struct iphdr);
    fill_in(frame);
}

/* Put a time stamp between the header and the payload. */
static void stamp(struct frame *frame, u32 time)
{
    struct tcphdr *tcp = tcp_of(frame);
    u8 *options = (u8 *)(tcp + 1);
    const u8 head[] = {1, 1, 8, 10};

    memmove(options + OPTIONS, options, (size_t)(frame->octets + frame->length - options));
    memcpy(options, head, sizeof(head));
    memcpy(options + 4, &time, sizeof(time));
    memset(options + 8, 0, 4);
    tcp->doff += OPTIONS / 4;
    frame->length += OPTIONS;
    fill_in(frame);
}

/* Segment number `number` of a connection, `number` counting octets in MSS. */
static void make_nth(struct frame *frame, int version, unsigned int number)
{
    (version == 4 ? make_v4 : make_v6)(frame, number * MSS, (u16)(100 + number), MSS);
}

/* --- What the driver does ------------------------------------------------------------------------------ */

/* Where the driver has a frame. */
enum layout { HEAD, FRAGMENT_HEAD, PAGES, LAYOUTS };

static void count_freed(struct sk_buff *skb __always_unused)
{
    freed++;
}

static void fill_pages(struct sk_buff *skb, const u8 *octets, size_t length)
{
    for (size_t from = 0; from < length;) {
        size_t piece = min(length - from, (size_t)701);
        struct page *page = alloc_page(GFP_ATOMIC);

        memcpy((u8 *)page_address(page) + 5, octets + from, piece);
        skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page, 5, (int)piece, PAGE_SIZE);
        from += piece;
    }
}

/* The last octet in a buffer of its own. */
static void append_part(struct sk_buff *skb, const struct frame *frame)
{
    struct sk_buff *part = alloc_skb(1, GFP_ATOMIC);

    skb_trim(skb, skb->len - 1);
    skb_put_data(part, frame->octets + frame->length - 1, 1);
    skb_shinfo(skb)->frag_list = part;
    skb->len++;
    skb->data_len++;
}

static void tell(struct sk_buff *skb, const struct frame *frame)
{
    skb->dev = devices[frame->device];
    skb->ip_summed = frame->summed & 3;
    skb->hash = frame->hash;
    skb->destructor = count_freed;
    skb_shinfo(skb)->gso_size = frame->merged;
    skb_shinfo(skb)->gso_segs = frame->merged > 0;
    if (frame->tag >= 0)
        __vlan_hwaccel_put_tag(skb, frame->tag_kind, (u16)frame->tag);
    made++;
}

static gro_result_t receive_in(const struct frame *frame, enum layout layout)
{
    struct sk_buff *skb;
    void *memory;

    if (layout == PAGES) {
        skb = napi_get_frags(&napi);
        fill_pages(skb, frame->octets, frame->length);
        tell(skb, frame);
        napi.dev = devices[frame->device];
        return napi_gro_frags(&napi);
    }
    if (layout == FRAGMENT_HEAD) {
        memory = netdev_alloc_frag(3072);
        skb = napi_build_skb(memory, 3072);
        skb_reserve(skb, NET_SKB_PAD);
    } else {
        skb = netdev_alloc_skb(devices[0], (unsigned int)frame->length);
    }
    skb_put_data(skb, frame->octets, (unsigned int)frame->length);
    if (frame->parts)
        append_part(skb, frame);
    skb->protocol = eth_type_trans(skb, devices[frame->device]);
    tell(skb, frame);
    return napi_gro_receive(&napi, skb);
}

static gro_result_t receive(const struct frame *frame)
{
    return receive_in(frame, HEAD);
}

static void end_poll(void)
{
    napi_complete(&napi);
}

static void receive_nth(int version, unsigned int number, gro_result_t result)
{
    struct frame frame;

    make_nth(&frame, version, number);
    assert_int_equal(receive(&frame), result);
}

/* --- The tap ------------------------------------------------------------------------------------------- */

static void take_segment_of(const u8 *octets, size_t length)
{
    struct frame *frame = &up.frames[up.frame_count++];

    assert_true(up.frame_count <= FRAMES_MAX && length <= sizeof(frame->octets));
    memcpy(frame->octets, octets, length);
    frame->length = length;
}

static int take_packet(struct sk_buff *skb, struct net_device *dev __always_unused,
                       struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    size_t before = up.frame_count;
    const char *mistake;

    /* The device's, which GRO makes no packet of. */
    if (skb_shinfo(skb)->gso_segs == 1)
        skb_shinfo(skb)->gso_size = 0;
    mistake = segments_of(skb, take_segment_of);
    if (mistake)
        fail_msg("%s", mistake);
    up.octets[up.count] = skb->len;
    up.types[up.count] = skb_shinfo(skb)->gso_type;
    up.summed[up.count] = skb->ip_summed;
    up.segments[up.count++] = (unsigned int)(up.frame_count - before);
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_packet};

/* As it was on the wire, its tag in it. */
static struct frame on_the_wire(const struct frame *frame)
{
    struct frame wire = *frame;
    __be16 tci = htons((u16)frame->tag);

    if (frame->tag < 0)
        return wire;
    memcpy(wire.octets + 2 * ETH_ALEN, &frame->tag_kind, sizeof(__be16));
    memcpy(wire.octets + 2 * ETH_ALEN + 2, &tci, sizeof(tci));
    memcpy(wire.octets + 2 * ETH_ALEN + VLAN_HLEN, frame->octets + 2 * ETH_ALEN,
           frame->length - 2 * ETH_ALEN);
    wire.length += VLAN_HLEN;
    return wire;
}

static bool is_frame(const struct frame *came, const struct frame *sent)
{
    struct frame wire = on_the_wire(sent);

    return came->length == wire.length && memcmp(came->octets, wire.octets, wire.length) == 0;
}

/* Packets of so many segments have gone up; the list ends with 0. */
#define assert_up(...) assert_up_are((const unsigned int[]){__VA_ARGS__, 0}, __LINE__)

static void assert_up_are(const unsigned int *segments, int line)
{
    for (size_t i = 0; i < up.count || segments[i]; i++) {
        if (i >= up.count || segments[i] != up.segments[i])
            fail_msg("line %d: packet %zu of %zu that went up has %u segments", line, i, up.count,
                     i < up.count ? up.segments[i] : 0);
    }
}

/* --- The machine --------------------------------------------------------------------------------------- */

static netdev_tx_t send_nothing(struct sk_buff *skb, struct net_device *dev __always_unused)
{
    kfree_skb(skb);
    return NETDEV_TX_OK;
}

static int poll_nothing(struct napi_struct *n __always_unused, int budget __always_unused)
{
    return 0;
}

static int power_on(void **state __always_unused)
{
    static const struct net_device_ops ops = {.ndo_start_xmit = send_nothing};
    static const u8 mac[ETH_ALEN] = {0x52, 0x54, 0, 0, 0, 1};

    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        devices[i] = alloc_etherdev(0);
        devices[i]->netdev_ops = &ops;
        eth_hw_addr_set(devices[i], mac);
        if (register_netdev(devices[i]) != 0)
            return -1;
    }
    netif_napi_add(devices[0], &napi, poll_nothing);
    napi_enable(&napi);
    dev_add_pack(&tap);
    return 0;
}

static int begin(void **state __always_unused)
{
    memset(&up, 0, sizeof(up));
    made = freed = 0;
    return 0;
}

/* Nothing is left behind. */
static int end(void **state __always_unused)
{
    return made == freed ? 0 : -1;
}

/* --- What is merged ------------------------------------------------------------------------------------ */

static void segments_that_follow_each_other_go_up_as_one(void **state __always_unused)
{
    static const gro_result_t results[LAYOUTS] = {
        [HEAD] = GRO_MERGED, [FRAGMENT_HEAD] = GRO_MERGED_FREE, [PAGES] = GRO_MERGED_FREE};
    struct frame frames[4];

    for (int version = 4; version <= 6; version += 2) {
        for (enum layout layout = HEAD; layout < LAYOUTS; layout++) {
            begin(NULL);
            for (unsigned int i = 0; i < 4; i++) {
                make_nth(&frames[i], version, i);
                stamp(&frames[i], 5);
                assert_int_equal(receive_in(&frames[i], layout), i ? results[layout] : GRO_HELD);
            }
            assert_int_equal(up.count, 0);
            end_poll();
            assert_up(4);
            assert_int_equal(up.types[0], version == 4 ? SKB_GSO_TCPV4 : SKB_GSO_TCPV6);
            for (unsigned int i = 0; i < 4; i++)
                assert_true(is_frame(&up.frames[i], &frames[i]));
            assert_int_equal(made, freed);
        }
    }
}

static void what_finds_no_room_among_the_pages_is_appended(void **state __always_unused)
{
    struct frame frame;

    /* There is room for 17 pieces. Of those in pages each frame has two, the first one, too. */
    for (unsigned int i = 0; i < 24; i++) {
        gro_result_t merged = i == 8 || i == 16 ? GRO_MERGED : GRO_MERGED_FREE;

        make_nth(&frame, 4, i);
        assert_int_equal(receive_in(&frame, PAGES), i ? merged : GRO_HELD);
    }
    end_poll();
    for (unsigned int i = 0; i < 40; i++) {
        gro_result_t merged = i == 18 || i == 36 ? GRO_MERGED : GRO_MERGED_FREE;

        make_nth(&frame, 4, i);
        assert_int_equal(receive_in(&frame, FRAGMENT_HEAD), i ? merged : GRO_HELD);
    }
    end_poll();
    assert_up(24, 40);
}

static void a_packet_has_at_most_65535_octets(void **state __always_unused)
{
    const size_t size = 1007; /* 65 of them and 40 octets are all that there is room for */
    struct frame frame;

    for (size_t last = 40; last <= 41; last++) {
        begin(NULL);
        for (u32 i = 0; i < 65; i++) {
            make_v4(&frame, i * 1007, (u16)i, size);
            receive(&frame);
        }
        make_v4(&frame, 65 * 1007, 65, last);
        assert_int_equal(receive(&frame), last == 40 ? GRO_MERGED : GRO_HELD);
        end_poll();
        if (last == 40)
            assert_up(66);
        else
            assert_up(65, 1);
        assert_int_equal(up.octets[0], last == 40 ? 65535 : 65495);
    }
}

static void a_segment_that_is_short_or_says_so_is_the_last_one(void **state __always_unused)
{
    for (int how = 0; how < 3; how++) {
        struct frame last;

        begin(NULL);
        receive_nth(4, 0, GRO_HELD);
        make_v4(&last, MSS, 101, how == 0 ? MSS - 1 : MSS);
        tcp_of(&last)->psh = how == 1;
        tcp_of(&last)->fin = how == 2;
        fill_in(&last);
        assert_int_equal(receive(&last), GRO_MERGED);
        make_v4(&last, how == 0 ? 2 * MSS - 1 : 2 * MSS, 102, 10);
        assert_int_equal(receive(&last), GRO_HELD);
        end_poll();
        assert_up(2, 1);
    }
}

static void what_can_only_be_the_last_one_does_not_wait(void **state __always_unused)
{
    for (int how = 0; how < 6; how++) {
        struct frame frame;

        make_v4(&frame, 0, 0, how == 5 ? 0 : MSS);
        tcp_of(&frame)->psh = how == 0;
        tcp_of(&frame)->fin = how == 1;
        tcp_of(&frame)->syn = how == 2;
        tcp_of(&frame)->rst = how == 3;
        tcp_of(&frame)->urg = how == 4;
        fill_in(&frame);
        assert_int_equal(receive(&frame), GRO_NORMAL);
    }
    end_poll();
    assert_up(1, 1, 1, 1, 1, 1);
}

/* Identifications of three segments, and what becomes of them. */
static void identifications_count_up_or_stay(void **state __always_unused)
{
    static const struct {
        u16 ids[3];
        bool may_be_fragmented;
        unsigned int packets[4];
        unsigned int type;
    } cases[] = {
        {{7, 8, 9}, false, {3}, SKB_GSO_TCPV4},
        {{7, 8, 9}, true, {3}, SKB_GSO_TCPV4},
        {{65535, 0, 1}, true, {3}, SKB_GSO_TCPV4},
        {{7, 7, 7}, false, {3}, SKB_GSO_TCPV4 | SKB_GSO_TCP_FIXEDID},
        {{7, 7, 7}, true, {1, 1, 1}, 0},
        {{7, 7, 8}, false, {2, 1}, SKB_GSO_TCPV4 | SKB_GSO_TCP_FIXEDID},
        {{7, 8, 8}, false, {2, 1}, SKB_GSO_TCPV4},
        {{7, 8, 7}, false, {2, 1}, SKB_GSO_TCPV4},
        {{7, 9, 10}, false, {1, 2}, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        begin(NULL);
        for (u32 number = 0; number < 3; number++) {
            struct frame frame;

            make_v4(&frame, number * MSS, cases[i].ids[number], MSS);
            if (cases[i].may_be_fragmented)
                ip_of(&frame)->frag_off = 0;
            fill_in(&frame);
            receive(&frame);
        }
        end_poll();
        assert_up_are(cases[i].packets, __LINE__);
        assert_int_equal(up.types[0], cases[i].type);
    }
}

static void congestion_is_answered_in_the_first_segment(void **state __always_unused)
{
    struct frame frame;

    make_nth(&frame, 4, 0);
    tcp_of(&frame)->cwr = 1;
    fill_in(&frame);
    assert_int_equal(receive(&frame), GRO_HELD);
    receive_nth(4, 1, GRO_MERGED);
    end_poll();
    assert_up(2);
    assert_int_equal(up.types[0], SKB_GSO_TCPV4 | SKB_GSO_TCP_ECN);
}

/* --- What is not --------------------------------------------------------------------------------------- */

/* Each makes the second segment of a connection one that cannot be merged with the first. */
#define CHANGE(name, statement)                                                                              \
    static void name(struct frame *frame)                                                                    \
    {                                                                                                        \
        statement;                                                                                           \
        fill_in(frame);                                                                                      \
    }
CHANGE(another_source_port, tcp_of(frame)->source ^= htons(1))
CHANGE(another_destination_port, tcp_of(frame)->dest ^= htons(1))
CHANGE(a_gap, tcp_of(frame)->seq = htonl(ntohl(tcp_of(frame)->seq) + 1))
CHANGE(the_same_again, tcp_of(frame)->seq = htonl(MSS))
CHANGE(another_acknowledgement, tcp_of(frame)->ack_seq ^= htonl(1))
CHANGE(another_window, tcp_of(frame)->window ^= htons(1))
CHANGE(a_reserved_flag, tcp_of(frame)->res1 = 1)
CHANGE(no_acknowledgement, tcp_of(frame)->ack = 0)
CHANGE(congestion_seen, tcp_of(frame)->ece = 1)
CHANGE(congestion_answered, tcp_of(frame)->cwr = 1)
CHANGE(urgent, tcp_of(frame)->urg = 1)
CHANGE(a_beginning, tcp_of(frame)->syn = 1)
CHANGE(a_reset, tcp_of(frame)->rst = 1)
CHANGE(no_payload, frame->length -= MSS)
CHANGE(one_octet_more, frame->length++)
CHANGE(fewer_options, (tcp_of(frame)->doff -= 3, frame->length -= OPTIONS))
CHANGE(another_time, ((u8 *)(tcp_of(frame) + 1))[7] ^= 1)
CHANGE(a_bad_header_length, tcp_of(frame)->doff = 4)
CHANGE(another_link_address, frame->octets[ETH_ALEN + 5] ^= 1)
CHANGE(another_tag, frame->tag = 5)
CHANGE(another_kind_of_tag, frame->tag_kind = htons(ETH_P_8021AD))
CHANGE(no_tag, frame->tag = -1)
CHANGE(another_hash_of_the_bucket, frame->hash += GRO_HASH_BUCKETS)
CHANGE(another_device, frame->device = 1)
CHANGE(another_source, ip_of(frame)->saddr ^= htonl(1))
CHANGE(another_destination, ip_of(frame)->daddr ^= htonl(1))
CHANGE(another_ttl, ip_of(frame)->ttl--)
CHANGE(another_service, ip_of(frame)->tos = 3)
CHANGE(fragments_allowed, ip_of(frame)->frag_off = 0)
CHANGE(a_reserved_bit, ip_of(frame)->frag_off |= htons(IP_CE))
CHANGE(more_fragments, ip_of(frame)->frag_off |= htons(IP_MF))
CHANGE(a_later_fragment, ip_of(frame)->frag_off |= htons(2))
CHANGE(ip_options, ip_of(frame)->ihl = 6)
CHANGE(another_version, ip_of(frame)->version = 5)
CHANGE(another_protocol, ip_of(frame)->protocol = IPPROTO_UDP)
CHANGE(another_source6, ip6_of(frame)->saddr.s6_addr[15] ^= 4)
CHANGE(another_destination6, ip6_of(frame)->daddr.s6_addr[15] ^= 4)
CHANGE(another_label, ip6_of(frame)->flow_lbl[2] ^= 1)
CHANGE(another_class, ip6_of(frame)->priority ^= 1)
CHANGE(another_hop_limit, ip6_of(frame)->hop_limit--)
CHANGE(another_header, ip6_of(frame)->nexthdr = IPPROTO_UDP)
CHANGE(merged_by_the_device, frame->merged = MSS)
CHANGE(in_two_buffers, frame->parts = true)

static void padding(struct frame *frame)
{
    frame->octets[frame->length++] = 0;
}

static void an_end_that_is_missing(struct frame *frame)
{
    frame->length--;
}

static void a_wrong_checksum(struct frame *frame)
{
    tcp_of(frame)->check ^= htons(1);
}

static void a_wrong_header_checksum(struct frame *frame)
{
    ip_of(frame)->check ^= htons(1);
}

static void another_version6(struct frame *frame)
{
    ip6_of(frame)->version = 7;
}

static void another_ethernet_type(struct frame *frame)
{
    frame->octets[2 * ETH_ALEN + 1] ^= 1;
}

static void a_header_that_is_cut_off(struct frame *frame)
{
    frame->length = LINK + (is_v6(frame) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) + 19;
}

static void options_that_are_cut_off(struct frame *frame)
{
    no_payload(frame);
    frame->length--;
}

/* What becomes of the second one. */
enum fate {
    WAITS,     /* in place of the first one, which goes up */
    FOLLOWS,   /* the first one, which goes up */
    WAITS_TOO, /* and so does the first one, of another flow */
    OVERTAKES, /* the first one, which waits */
};

static const struct rule {
    int version;
    void (*change)(struct frame *frame);
    enum fate fate;
} rules[] = {
    {4, another_source_port, WAITS_TOO},
    {4, another_destination_port, WAITS_TOO},
    {4, a_gap, WAITS},
    {4, the_same_again, WAITS},
    {4, another_acknowledgement, WAITS},
    {4, another_window, WAITS},
    {4, a_reserved_flag, WAITS},
    {4, no_acknowledgement, WAITS},
    {4, congestion_seen, WAITS},
    {4, congestion_answered, WAITS},
    {4, urgent, FOLLOWS},
    {4, a_beginning, FOLLOWS},
    {4, a_reset, FOLLOWS},
    {4, no_payload, FOLLOWS},
    {4, one_octet_more, WAITS},
    {4, fewer_options, WAITS},
    {4, another_time, WAITS},
    {4, a_bad_header_length, OVERTAKES},
    {4, a_header_that_is_cut_off, OVERTAKES},
    {4, options_that_are_cut_off, OVERTAKES},
    {4, another_link_address, WAITS_TOO},
    {4, another_tag, WAITS_TOO},
    {4, another_kind_of_tag, WAITS_TOO},
    {4, no_tag, WAITS_TOO},
    {4, another_hash_of_the_bucket, WAITS_TOO},
    {4, another_device, WAITS_TOO},
    {4, another_source, WAITS_TOO},
    {4, another_destination, WAITS_TOO},
    {4, another_ttl, WAITS},
    {4, another_service, WAITS},
    {4, fragments_allowed, WAITS},
    {4, a_reserved_bit, FOLLOWS},
    {4, more_fragments, OVERTAKES},
    {4, a_later_fragment, OVERTAKES},
    {4, ip_options, OVERTAKES},
    {4, another_version, OVERTAKES},
    {4, another_protocol, OVERTAKES},
    {4, another_ethernet_type, OVERTAKES},
    {4, a_wrong_checksum, OVERTAKES},
    {4, a_wrong_header_checksum, OVERTAKES},
    {4, padding, FOLLOWS},
    {4, an_end_that_is_missing, FOLLOWS},
    {4, merged_by_the_device, FOLLOWS},
    {4, in_two_buffers, FOLLOWS},
    {6, another_source_port, WAITS_TOO},
    {6, another_source6, WAITS_TOO},
    {6, another_destination6, WAITS_TOO},
    {6, another_label, WAITS_TOO},
    {6, another_class, WAITS},
    {6, another_hop_limit, WAITS},
    {6, another_header, OVERTAKES},
    {6, another_version6, OVERTAKES},
    {6, a_wrong_checksum, OVERTAKES},
    {6, a_header_that_is_cut_off, OVERTAKES},
    {6, padding, FOLLOWS},
    {6, an_end_that_is_missing, FOLLOWS},
};

/* Both have a tag and a time stamp, for those that change them. */
static void make_pair(struct frame pair[2], const struct rule *rule)
{
    for (unsigned int i = 0; i < 2; i++) {
        make_nth(&pair[i], rule->version, i + 1);
        stamp(&pair[i], 5);
        pair[i].tag = 4;
        pair[i].hash = 1;
    }
}

static void assert_keeps_apart(const struct rule *rule, size_t number)
{
    struct frame pair[2], changed;
    bool waits = rule->fate == WAITS || rule->fate == WAITS_TOO, first_stays = rule->fate >= WAITS_TOO;
    const struct frame *expected[] = {&pair[0], &changed, &pair[1]};

    make_pair(pair, rule);
    changed = pair[1];
    rule->change(&changed);
    receive(&pair[0]);
    assert_int_equal(receive(&changed), waits ? GRO_HELD : GRO_NORMAL);
    /* The first one goes on if it is still there. */
    if (receive(&pair[1]) != GRO_MERGED && first_stays)
        fail_msg("rule %zu: the flow is gone", number);
    end_poll();
    if (rule->fate == WAITS_TOO)
        expected[1] = &pair[1], expected[2] = &changed;
    if (rule->fate == OVERTAKES)
        expected[0] = &changed, expected[1] = &pair[0];
    for (size_t i = 0; i < 3; i++) {
        if (!is_frame(&up.frames[i], expected[i]))
            fail_msg("rule %zu: what went up is not what came, or not in this order", number);
    }
    assert_int_equal(up.frame_count, 3);
    assert_int_equal(up.segments[0], rule->fate == WAITS_TOO ? 2 : 1);
    assert_int_equal(made, freed);
}

static void a_difference_keeps_segments_apart(void **state __always_unused)
{
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        struct frame pair[2];

        begin(NULL);
        make_pair(pair, &rules[i]);
        receive(&pair[0]);
        assert_int_equal(receive(&pair[1]), GRO_MERGED);
        end_poll();
        assert_up(2);
        begin(NULL);
        assert_keeps_apart(&rules[i], i);
    }
}

/* --- Checksums ----------------------------------------------------------------------------------------- */

static void
a_checksum_is_computed_where_the_device_has_not_said_that_it_is_right(void **state __always_unused)
{
    static const struct {
        u8 told;
        bool right;
        gro_result_t result;
        u8 up;
    } cases[] = {
        {CHECKSUM_NONE, true, GRO_HELD, CHECKSUM_UNNECESSARY},
        {CHECKSUM_NONE, false, GRO_NORMAL, CHECKSUM_NONE},
        {CHECKSUM_COMPLETE, true, GRO_HELD, CHECKSUM_COMPLETE},
        {CHECKSUM_COMPLETE, false, GRO_NORMAL, CHECKSUM_COMPLETE},
        {CHECKSUM_UNNECESSARY, false, GRO_HELD, CHECKSUM_UNNECESSARY},
        {CHECKSUM_PARTIAL, false, GRO_HELD, CHECKSUM_PARTIAL},
    };

    for (int version = 4; version <= 6; version += 2) {
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct frame frame;

            for (enum layout layout = HEAD; layout < LAYOUTS; layout++) {
                begin(NULL);
                make_nth(&frame, version, 0);
                frame.summed = cases[i].told;
                if (!cases[i].right)
                    a_wrong_checksum(&frame);
                assert_int_equal(receive_in(&frame, layout), cases[i].result);
                end_poll();
                assert_up(1);
                assert_int_equal(up.summed[0], cases[i].up);
                assert_true(is_frame(&up.frames[0], &frame));
            }
        }
    }
}

/* --- How long it is held ------------------------------------------------------------------------------- */

static void receive_flow(int flow, gro_result_t result)
{
    struct frame frame;

    make_nth(&frame, 4, 0);
    tcp_of(&frame)->source = htons((u16)flow);
    fill_in(&frame);
    assert_int_equal(receive(&frame), result);
}

static void a_bucket_has_room_for_eight_and_the_oldest_goes_first(void **state __always_unused)
{
    for (int flow = 1; flow <= HELD_MAX + BATCH - 1; flow++)
        receive_flow(flow, GRO_HELD);
    assert_int_equal(up.count, 0); /* a batch is not full yet */
    receive_flow(HELD_MAX + BATCH, GRO_HELD);
    assert_int_equal(up.count, BATCH);
    end_poll();
    assert_int_equal(up.count, HELD_MAX + BATCH);
    for (int i = 0; i < HELD_MAX + BATCH; i++)
        assert_int_equal(ntohs(tcp_of(&up.frames[i])->source), i + 1);
}

static void each_bucket_has_its_own(void **state __always_unused)
{
    for (int flow = 0; flow < 3 * HELD_MAX; flow++) {
        struct frame frame;

        make_nth(&frame, 4, 0);
        tcp_of(&frame)->source = htons((u16)flow);
        fill_in(&frame);
        frame.hash = (u32)flow;
        receive(&frame);
    }
    assert_int_equal(up.count, 0);
    end_poll();
    assert_int_equal(up.count, 3 * HELD_MAX);
}

static void frames_go_up_in_batches(void **state __always_unused)
{
    struct frame frame;

    make_link(&frame, ETH_P_ARP);
    frame.length = ETH_ZLEN;
    for (int i = 0; i < BATCH - 1; i++)
        assert_int_equal(receive(&frame), GRO_NORMAL);
    assert_int_equal(up.count, 0);
    assert_int_equal(receive(&frame), GRO_NORMAL);
    assert_int_equal(up.count, BATCH);
    assert_int_equal(receive(&frame), GRO_NORMAL);
    end_poll();
    assert_int_equal(up.count, BATCH + 1);
    /* A merged packet counts as its segments. */
    for (unsigned int i = 0; i < BATCH; i++)
        receive_nth(4, i, i ? GRO_MERGED : GRO_HELD);
    receive_nth(4, BATCH + 1, GRO_HELD);
    assert_int_equal(up.count, BATCH + 2);
    end_poll();
}

static void what_is_old_can_be_flushed_alone(void **state __always_unused)
{
    unsigned long began;

    do {
        end_poll();
        begin(NULL);
        began = jiffies;
        receive_flow(1, GRO_HELD);
        napi_gro_flush(&napi, true);
    } while (jiffies != began);
    while (jiffies == began)
        schedule_timeout_uninterruptible(1);
    do {
        began = jiffies;
        receive_flow(2, GRO_HELD);
        napi_gro_flush(&napi, true);
    } while (jiffies != began);
    assert_int_equal(skb_queue_len(&napi.rx_list), 1);
    napi_gro_flush(&napi, false);
    assert_int_equal(skb_queue_len(&napi.rx_list), 2);
    end_poll();
    assert_up(1, 1);
}

static int polls;

static int poll_twice(struct napi_struct *n, int budget)
{
    if (++polls == 1) {
        receive_nth(4, 0, GRO_HELD);
        return budget;
    }
    assert_int_equal(up.count, 1);
    receive_nth(4, 1, GRO_HELD);
    napi_complete_done(n, 1);
    __atomic_fetch_add(&polls, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static void nothing_is_held_when_the_budget_is_spent(void **state __always_unused)
{
    polls = 0;
    napi.poll = poll_twice;
    assert_true(napi_schedule(&napi));
    while (__atomic_load_n(&polls, __ATOMIC_SEQ_CST) < 3)
        schedule_timeout_uninterruptible(1);
    napi.poll = poll_nothing;
    assert_up(1, 1);
}

static void what_is_held_goes_with_its_napi_struct(void **state __always_unused)
{
    struct frame arp;

    make_link(&arp, ETH_P_ARP);
    arp.length = ETH_ZLEN;
    receive_flow(1, GRO_HELD);
    receive(&arp);
    napi_disable(&napi);
    netif_napi_del(&napi);
    netif_napi_add(devices[0], &napi, poll_nothing);
    napi_enable(&napi);
    end_poll();
    assert_int_equal(up.count, 0);
}

static void a_frame_without_a_whole_link_header_is_dropped(void **state __always_unused)
{
    struct frame frame;

    make_link(&frame, ETH_P_IP);
    frame.length = ETH_HLEN - 1;
    assert_int_equal(receive_in(&frame, PAGES), GRO_CONSUMED);
    end_poll();
    assert_int_equal(up.count, 0);
}

/* --- Off and on ---------------------------------------------------------------------------------------- */

static void switch_gro(bool on)
{
    rtnl_lock();
    devices[0]->wanted_features &= ~NETIF_F_GRO;
    devices[0]->wanted_features |= on ? NETIF_F_GRO : 0;
    netdev_update_features(devices[0]);
    rtnl_unlock();
}

static void a_device_has_it_until_it_is_switched_off(void **state __always_unused)
{
    assert_true(devices[0]->features & devices[0]->hw_features & NETIF_F_GRO);
    switch_gro(false);
    receive_nth(4, 0, GRO_NORMAL);
    receive_nth(4, 1, GRO_NORMAL);
    switch_gro(true);
    receive_nth(4, 2, GRO_HELD);
    receive_nth(4, 3, GRO_MERGED);
    end_poll();
    assert_up(1, 1, 2);
}

/* --- Any stream ---------------------------------------------------------------------------------------- */

#define STREAMS 400
#define FLOWS 14
#define STREAM_FRAMES 300

/* One side of a connection. Two of them share addresses and ports and differ in the tag. */
struct flow {
    int number;
    u32 sequence, acknowledgement, time;
    u16 id, window;
};

/* The frames of a stream, each of a flow, or (FLOWS) of none. */
static struct sent {
    struct frame frame;
    int flow;
} sent[FRAMES_MAX];
static size_t sent_count;
static u64 dice;
static unsigned int results[GRO_CONSUMED + 1];

static unsigned int throw_dice(unsigned int sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
    return (unsigned int)(dice >> 33) % sides;
}

/* With options as their number has it. */
static void make_of(struct frame *frame, const struct flow *flow, u32 sequence, u16 id, size_t payload)
{
    int pair = flow->number / 2;

    (pair % 3 == 0 ? make_v6 : make_v4)(frame, sequence, pair % 3 == 1 ? 9 : id, payload);
    if (pair % 4 == 2 && !is_v6(frame))
        ip_of(frame)->frag_off = 0;
    tcp_of(frame)->dest = htons((u16)(40000 + pair));
    tcp_of(frame)->ack_seq = htonl(flow->acknowledgement);
    tcp_of(frame)->window = htons(flow->window);
    frame->tag = flow->number % 2 ? 1 + pair : -1;
    frame->hash = (u32)(pair % 5 ? 0 : pair);
    if (pair % 2)
        stamp(frame, flow->time);
    else
        fill_in(frame);
}

static void send_frame(const struct frame *frame, int flow)
{
    sent[sent_count++] = (struct sent){.frame = *frame, .flow = flow};
    results[receive_in(frame, throw_dice(LAYOUTS))]++;
}

/* The next segment, or one that the connection does not expect. */
static void send_segment(struct flow *flow, size_t payload, u32 sequence, u8 flags)
{
    struct frame frame;

    make_of(&frame, flow, sequence, flow->id, payload);
    ((u8 *)tcp_of(&frame))[13] |= flags;
    frame.summed = throw_dice(2) ? CHECKSUM_NONE : CHECKSUM_UNNECESSARY;
    fill_in(&frame);
    while (frame.length < ETH_ZLEN)
        frame.octets[frame.length++] = 0;
    send_frame(&frame, flow->number);
    flow->id++;
}

static void send_next(struct flow *flow, size_t payload, u8 flags)
{
    send_segment(flow, payload, flow->sequence, flags);
    flow->sequence += (u32)payload;
}

/* What looks like the next segment and is not. */
static void send_other(struct flow *flow)
{
    static void (*const changes[])(struct frame *) = {
        a_wrong_checksum, a_wrong_header_checksum, more_fragments,       a_later_fragment,
        ip_options,       another_protocol,        another_ethernet_type};
    static void (*const changes6[])(struct frame *) = {a_wrong_checksum, another_header,
                                                       another_ethernet_type};
    struct frame frame;

    make_of(&frame, flow, flow->sequence, flow->id, MSS);
    if (is_v6(&frame))
        changes6[throw_dice(ARRAY_SIZE(changes6))](&frame);
    else
        changes[throw_dice(ARRAY_SIZE(changes))](&frame);
    send_frame(&frame, FLOWS);
}

static void send_something(struct flow *flow)
{
    const u8 fin = 1, syn = 2, rst = 4, psh = 8, urg = 32, ece = 64, cwr = 128;
    const u8 rare[] = {fin, syn, rst, urg, ece, cwr, psh | fin};

    switch (throw_dice(30)) {
    case 0: /* lost */
        flow->sequence += MSS;
        flow->id++;
        break;
    case 1: /* the second of two overtakes the first */
        send_segment(flow, MSS, flow->sequence + MSS, 0);
        send_segment(flow, MSS, flow->sequence, 0);
        flow->sequence += 2 * MSS;
        break;
    case 2:
        send_segment(flow, MSS, flow->sequence - (1 + throw_dice(3)) * MSS, 0);
        break;
    case 3:
        flow->acknowledgement += MSS;
        break;
    case 4:
        flow->window ^= 64;
        break;
    case 5:
        flow->time++;
        break;
    case 6:
        send_next(flow, 0, 0);
        break;
    case 7:
        send_next(flow, MSS, rare[throw_dice(ARRAY_SIZE(rare))]);
        break;
    case 8:
        send_next(flow, 1 + throw_dice(MSS + 200), 0);
        break;
    case 9:
        send_next(flow, 1 + throw_dice(MSS), psh);
        break;
    case 10:
        send_other(flow);
        break;
    default:
        send_next(flow, MSS, 0);
    }
}

/* The next frame of that flow that has not gone up yet; sent_count for none. */
static size_t next_of(int flow, size_t from)
{
    while (from < sent_count && sent[from].flow != flow)
        from++;
    return from;
}

/* All have come, each flow's in order. */
static void assert_all_in_order(unsigned int stream)
{
    size_t next[FLOWS + 1];

    for (int flow = 0; flow <= FLOWS; flow++)
        next[flow] = next_of(flow, 0);
    for (size_t i = 0; i < up.frame_count; i++) {
        int flow = 0;

        while (flow <= FLOWS &&
               (next[flow] == sent_count || !is_frame(&up.frames[i], &sent[next[flow]].frame)))
            flow++;
        if (flow > FLOWS)
            fail_msg("stream %u: frame %zu that went up is no flow's next one", stream, i);
        next[flow] = next_of(flow, next[flow] + 1);
    }
    if (up.frame_count != sent_count)
        fail_msg("stream %u: %zu of %zu frames went up", stream, up.frame_count, sent_count);
}

static void of_any_stream_each_flow_goes_up_in_order(void **state __always_unused)
{
    size_t frames = 0, packets = 0;

    for (unsigned int stream = 0; stream < STREAMS; stream++) {
        struct flow flows[FLOWS];

        begin(NULL);
        sent_count = 0;
        dice = stream;
        for (int i = 0; i < FLOWS; i++) /* the first ones soon count past their ends */
            flows[i] = (struct flow){i, (u32)-5000 + (u32)i * 4000, 1, 1, (u16)(65530 + i), 100};
        while (sent_count < STREAM_FRAMES) {
            struct flow *flow = &flows[throw_dice(2 + stream % (FLOWS - 1))];

            for (unsigned int run = throw_dice(8); run > 0; run--)
                send_something(flow);
            if (throw_dice(6) == 0)
                end_poll();
        }
        end_poll();
        assert_all_in_order(stream);
        assert_int_equal(made, freed);
        frames += sent_count;
        packets += up.count;
    }
    assert_true(packets < frames * 3 / 4);
    for (gro_result_t result = GRO_MERGED; result < GRO_CONSUMED; result++)
        assert_true(results[result] > frames / 50);
}

#define GRO_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GRO_TEST(segments_that_follow_each_other_go_up_as_one),
        GRO_TEST(what_finds_no_room_among_the_pages_is_appended),
        GRO_TEST(a_packet_has_at_most_65535_octets),
        GRO_TEST(a_segment_that_is_short_or_says_so_is_the_last_one),
        GRO_TEST(what_can_only_be_the_last_one_does_not_wait),
        GRO_TEST(identifications_count_up_or_stay),
        GRO_TEST(congestion_is_answered_in_the_first_segment),
        GRO_TEST(a_difference_keeps_segments_apart),
        GRO_TEST(a_checksum_is_computed_where_the_device_has_not_said_that_it_is_right),
        GRO_TEST(a_bucket_has_room_for_eight_and_the_oldest_goes_first),
        GRO_TEST(each_bucket_has_its_own),
        GRO_TEST(frames_go_up_in_batches),
        GRO_TEST(what_is_old_can_be_flushed_alone),
        GRO_TEST(nothing_is_held_when_the_budget_is_spent),
        GRO_TEST(what_is_held_goes_with_its_napi_struct),
        GRO_TEST(a_frame_without_a_whole_link_header_is_dropped),
        GRO_TEST(a_device_has_it_until_it_is_switched_off),
        GRO_TEST(of_any_stream_each_flow_goes_up_in_order),
    };

    return cmocka_run_group_tests_name("gro", tests, power_on, NULL);
}
