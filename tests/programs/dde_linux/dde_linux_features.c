/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver on the model of its card, with everything that it does for its users: frames both ways past the
 * rings' ends, statistics, also of frames that were missed, a cable that is pulled, and leaving and coming
 * back; as far as the driver has it, other ring sizes, the driver's own test of the card; with e1000 and
 * virtio_net checksums and TCP segments made by the card, pieces of pages, VLANs, long frames. In the end
 * nothing is left at the IOMMU.
 *
 * Takes the driver. Takes seconds of the machine's time: for lockcheck run, where time jumps, and where
 * frames that come while main does not wait find a driver that does not run.
 */
#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/interrupt.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <net/checksum.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"
#include "segments.h"
#include "statistics.h"

#define BURST 600           /* frames; more than twice a ring */
#define MISSED 5            /* frames, before one thinks that it is enough */
#define STATISTICS_MS 10000 /* by then every driver has asked its card */
#define LONGEST 9000
#define KEPT 8
#define HEADERS 54 /* Ethernet, IPv4, TCP */

static const struct driver {
    const char *name;
    int at_once;        /* frames both ways before it may have to catch up */
    size_t counted_fcs; /* octets of check sequence that its own byte statistics count */
    bool counts_missed; /* frames for which the card had no room */
    bool offloads;
    bool tags;                /* which the card takes out and puts in */
    const char *good, *wrong; /* its statistics of received checksums */
    const char *segmented;    /* of packets that the card has cut */
} drivers[] = {
    {.name = "8139too", .at_once = 4, .counts_missed = true},
    {.name = "e100", .at_once = 50, .counts_missed = true},
    {.name = "e1000",
     .at_once = 100,
     .counted_fcs = ETH_FCS_LEN,
     .counts_missed = true,
     .offloads = true,
     .tags = true,
     .good = "rx_csum_offload_good",
     .wrong = "rx_csum_offload_errors",
     .segmented = "tx_tcp_seg_good"},
    {.name = "virtio_net", .at_once = 50, .offloads = true},
};

static const struct driver *driver;
static const struct nic_model *model;
static struct wire *wire;
static struct nic *nic;
static struct net_device *eth0;

static int freed, received; /* changed atomically */
static u8 sent[KEPT][LONGEST];
static size_t sent_length[KEPT];
static size_t sent_count; /* by the card, since the last forget_sent */
static u8 last[LONGEST];  /* received, as the tap saw it */
static size_t last_length;
static int last_summed, last_tag;

static void frame_left(void *opaque __always_unused, uint64_t number __always_unused, const uint8_t *frame,
                       size_t length)
{
    if (sent_count < KEPT) {
        memcpy(sent[sent_count], frame, length);
        sent_length[sent_count] = length;
    }
    sent_count++;
}

static void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static int frame_came(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt __always_unused,
                      struct net_device *orig __always_unused)
{
    assert(dev == eth0 && in_softirq());
    last_tag = skb_vlan_tag_present(skb) ? skb_vlan_tag_get(skb) : -1;
    last_summed = skb->ip_summed;
    last_length = skb->len + ETH_HLEN;
    memcpy(last, skb_mac_header(skb), ETH_HLEN);
    assert(skb_copy_bits(skb, 0, last + ETH_HLEN, (int)skb->len) == 0);
    account_frame_delivered();
    kfree_skb(skb);
    __atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = frame_came};

static int value_of(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/* Wait for what the card and its driver do by themselves. */
static void settle(void)
{
    msleep(50);
}

static void await_link(bool up)
{
    for (int i = 0; i < 1000 && ((dev_get_flags(eth0) & IFF_RUNNING) != 0) != up; i++)
        msleep(10);
    assert(((dev_get_flags(eth0) & IFF_RUNNING) != 0) == up);
}

static void open_device(void)
{
    rtnl_lock();
    assert(dev_open(eth0, NULL) == 0);
    rtnl_unlock();
    await_link(true);
}

static void close_device(void)
{
    rtnl_lock();
    dev_close(eth0);
    rtnl_unlock();
}

/* --- Frames ----------------------------------------------------------------------------------------------
 */

static void make_header(u8 *frame, const u8 *to, u16 type)
{
    static const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    __be16 protocol = htons(type);

    memcpy(frame, to, ETH_ALEN);
    memcpy(frame + ETH_ALEN, peer, ETH_ALEN);
    memcpy(frame + 2 * ETH_ALEN, &protocol, sizeof(protocol));
}

/* A TCP segment over IPv4 with right checksums, the last one of what it belongs to. Returns the frame's
 * length. */
static size_t make_tcp(u8 *frame, size_t payload)
{
    u8 *packet = frame + ETH_HLEN;
    size_t length = segment_make(packet, 40000, 1000, 0, payload);

    make_header(frame, eth0->dev_addr, ETH_P_IP);
    ((struct tcphdr *)(packet + sizeof(struct iphdr)))->psh = 1;
    segment_fill_in(packet, length);
    return ETH_HLEN + length;
}

/* A buffer with the frame; what is behind `linear` bytes lies in pages of at most `piece` bytes. */
static struct sk_buff *make_skb(const u8 *frame, size_t length, size_t linear, size_t piece)
{
    struct sk_buff *skb = alloc_skb((unsigned int)linear + 16, GFP_KERNEL);

    skb_reserve(skb, 16);
    skb_put_data(skb, frame, (unsigned int)linear);
    for (size_t from = linear; from < length; from += piece) {
        size_t size = min(piece, length - from);
        struct page *page = alloc_page(GFP_KERNEL);

        memcpy((u8 *)page_address(page) + 8, frame + from, size);
        skb_fill_page_desc(skb, skb_shinfo(skb)->nr_frags, page, 8, (int)size);
        skb->len += (unsigned int)size;
        skb->data_len += (unsigned int)size;
    }
    skb->dev = eth0;
    skb->protocol = ((const struct ethhdr *)frame)->h_proto;
    skb->destructor = count_freed;
    skb_reset_mac_header(skb);
    skb->network_header = (u16)(skb_headroom(skb) + ETH_HLEN);
    skb->transport_header = (u16)(skb->network_header + sizeof(struct iphdr));
    return skb;
}

/* Send it and wait until it is gone; only what it made is kept. */
static void send_one(struct sk_buff *skb)
{
    int before = value_of(&freed);

    sent_count = 0;
    assert(dev_queue_xmit(skb) == NET_XMIT_SUCCESS);
    settle();
    assert(value_of(&freed) == before + 1);
}

static void bring(const u8 *frame, size_t length)
{
    int before = value_of(&received);

    assert(model->receive(nic, frame, length) == WIRE_ACCEPTED);
    settle();
    assert(value_of(&received) == before + 1);
}

/* Leave the sum of the pseudo header for the card to go on with. */
static void want_checksum(struct sk_buff *skb, unsigned int length)
{
    struct iphdr *ip = ip_hdr(skb);

    tcp_hdr(skb)->check = ~csum_tcpudp_magic(ip->saddr, ip->daddr, length, IPPROTO_TCP, 0);
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = skb->transport_header;
    skb->csum_offset = offsetof(struct tcphdr, check);
}

/* --- What the driver tells -------------------------------------------------------------------------------
 */

/* What went through, as the driver counts it for everybody, and for ethtool if it does. */
struct passed {
    struct rtnl_link_stats64 stats;
    bool told;
    u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};

static struct passed read_passed(void)
{
    struct passed passed;

    dev_get_stats(eth0, &passed.stats);
    passed.told = find_statistic(eth0, "rx_packets", &passed.rx_packets);
    if (passed.told) {
        passed.rx_bytes = read_statistic(eth0, "rx_bytes");
        passed.tx_packets = read_statistic(eth0, "tx_packets");
        passed.tx_bytes = read_statistic(eth0, "tx_bytes");
    }
    return passed;
}

/* Both agree with what the wire has seen. */
static void assert_passed(const struct passed *before, u64 packets, u64 brought, u64 sent_octets)
{
    struct passed now = read_passed();
    u64 fcs = packets * driver->counted_fcs;

    assert(now.stats.rx_packets - before->stats.rx_packets == packets);
    assert(now.stats.rx_bytes - before->stats.rx_bytes == brought);
    assert(now.stats.tx_packets - before->stats.tx_packets == packets);
    assert(now.stats.tx_bytes - before->stats.tx_bytes == sent_octets);
    assert(now.stats.rx_errors == before->stats.rx_errors && now.stats.tx_errors == before->stats.tx_errors);
    if (!now.told)
        return;
    assert(now.rx_packets - before->rx_packets == packets);
    assert(now.rx_bytes - before->rx_bytes == brought + fcs);
    assert(now.tx_packets - before->tx_packets == packets);
    assert(now.tx_bytes - before->tx_bytes == sent_octets + fcs);
}

static void frames_pass_and_are_counted(void)
{
    int freed_before = value_of(&freed), received_before = value_of(&received);
    struct wire_counters wire_before = wire_read_counters(wire), wire_after;
    struct passed before = read_passed();
    u8 frame[ETH_FRAME_LEN];
    u64 brought = 0;

    for (int i = 0; i < BURST; i++) {
        size_t length = ETH_ZLEN + (size_t)(i * 37) % (sizeof(frame) - ETH_ZLEN);

        memset(frame, i, sizeof(frame));
        make_header(frame, eth0->dev_addr, 0x88b5);
        assert(model->receive(nic, frame, length) == WIRE_ACCEPTED);
        brought += length;
        assert(dev_queue_xmit(make_skb(frame, length, length, 1)) == NET_XMIT_SUCCESS);
        if (i % driver->at_once == driver->at_once - 1)
            settle();
    }
    settle();
    wire_after = wire_read_counters(wire);
    assert(value_of(&freed) == freed_before + BURST && value_of(&received) == received_before + BURST);
    assert(wire_after.transmitted == wire_before.transmitted + BURST);
    assert_passed(&before, BURST, brought, wire_after.transmitted_bytes - wire_before.transmitted_bytes);
}

/* Frames come until the card has no room left: those that it took come up, and it counts the others. */
static void missed_frames_are_counted(void)
{
    int received_before = value_of(&received), accepted = 0, missed = 0;
    struct rtnl_link_stats64 before, now;
    u8 frame[ETH_FRAME_LEN] = {0};

    make_header(frame, eth0->dev_addr, 0x88b5);
    dev_get_stats(eth0, &before);
    while (missed < MISSED) {
        if (model->receive(nic, frame, sizeof(frame)) == WIRE_ACCEPTED)
            accepted++;
        else
            missed++;
    }
    msleep(STATISTICS_MS);
    assert(value_of(&received) == received_before + accepted);
    dev_get_stats(eth0, &now);
    assert(!driver->counts_missed || now.rx_missed_errors - before.rx_missed_errors == (u64)missed);
    bring(frame, sizeof(frame)); /* it goes on */
}

/* --- What the card does for the driver -------------------------------------------------------------------
 */

static void checksums_are_made(void)
{
    u8 frame[LONGEST];
    size_t length = make_tcp(frame, 1000);

    for (size_t linear = HEADERS; linear <= length; linear += length - HEADERS) {
        struct sk_buff *skb = make_skb(frame, length, linear, 300);

        want_checksum(skb, (u32)(length - ETH_HLEN - sizeof(struct iphdr)));
        send_one(skb);
        assert(sent_count == 1 && sent_length[0] == length && memcmp(sent[0], frame, length) == 0);
    }
}

static void segments_are_made(void)
{
    const size_t payload = 3500, mss = 1000;
    u8 frame[LONGEST];
    size_t length = make_tcp(frame, payload);
    struct sk_buff *skb = make_skb(frame, length, HEADERS, 1700);

    want_checksum(skb, (u32)(length - ETH_HLEN - sizeof(struct iphdr)));
    skb_shinfo(skb)->gso_size = mss;
    skb_shinfo(skb)->gso_segs = 4;
    skb_shinfo(skb)->gso_type = SKB_GSO_TCPV4;
    send_one(skb);
    assert(sent_count == 4);
    for (size_t i = 0; i < 4; i++) {
        size_t octets = i < 3 ? mss : payload - 3 * mss;
        struct iphdr ip;
        struct tcphdr tcp;

        memcpy(&ip, sent[i] + ETH_HLEN, sizeof(ip));
        memcpy(&tcp, sent[i] + ETH_HLEN + sizeof(ip), sizeof(tcp));
        assert(sent_length[i] == HEADERS + octets && ntohs(ip.tot_len) == 40 + octets);
        assert(memcmp(sent[i] + HEADERS, frame + HEADERS + i * mss, octets) == 0);
        assert(ntohl(tcp.seq) == 1000 + i * mss && tcp.psh == (i == 3));
        assert(csum_fold(csum_partial(&ip, sizeof(ip), 0)) == 0);
        assert(csum_tcpudp_magic(ip.saddr, ip.daddr, (u32)(20 + octets), IPPROTO_TCP,
                                 csum_partial(sent[i] + ETH_HLEN + 20, (int)(20 + octets), 0)) == 0);
    }
    assert(!driver->segmented || read_statistic(eth0, driver->segmented) == 1);
}

static void received_checksums_are_told(void)
{
    u64 good = driver->good ? read_statistic(eth0, driver->good) : 0,
        wrong = driver->wrong ? read_statistic(eth0, driver->wrong) : 0;
    u8 frame[LONGEST];
    size_t length = make_tcp(frame, 500);

    bring(frame, length);
    assert(last_summed == CHECKSUM_UNNECESSARY && memcmp(last, frame, length) == 0);
    frame[length - 1] ^= 1;
    bring(frame, length);
    assert(last_summed == CHECKSUM_NONE && memcmp(last, frame, length) == 0);
    assert(!driver->good || read_statistic(eth0, driver->good) == good + 1);
    assert(!driver->wrong || read_statistic(eth0, driver->wrong) == wrong + 1);
}

/* A frame of VLAN 5, without its tag and with it. */
static void make_tagged(u8 frame[100], u8 tagged[104])
{
    memset(frame, 7, 100);
    make_header(frame, eth0->dev_addr, 0x88b5);
    memcpy(tagged, frame, 12);
    memcpy(tagged + 12, "\x81\x00\x00\x05", 4);
    memcpy(tagged + 16, frame + 12, 100 - 12);
}

/* Either the card puts it in and takes it out, or Linux does before it has the frame sent, and nobody after
 * it came. */
static void tags_are_put_in(void)
{
    u8 frame[100], tagged[104];
    struct sk_buff *skb;

    make_tagged(frame, tagged);
    skb = make_skb(frame, 100, 100, 1);
    __vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 5);
    send_one(skb);
    assert(sent_count == 1 && sent_length[0] == 104 && memcmp(sent[0], tagged, 104) == 0);
}

static void tags_are_taken_out(const u8 tagged[104], const u8 frame[100], int vlan)
{
    bring(tagged, 104);
    if (driver->tags)
        assert(last_tag == vlan && last_length == 100 && memcmp(last, frame, 100) == 0);
    else
        assert(last_tag == -1 && last_length == 104 && memcmp(last, tagged, 104) == 0);
}

/* With a filter only the VLANs that were asked for come. A card that takes tags out has none at first. */
static void vlans_are_filtered(void)
{
    u8 frame[100], tagged[104];

    make_tagged(frame, tagged);
    if (driver->tags)
        tags_are_taken_out(tagged, frame, 5);
    rtnl_lock();
    assert(vlan_vid_add(eth0, htons(ETH_P_8021Q), 6) == 0);
    rtnl_unlock();
    assert(model->receive(nic, tagged, 104) == WIRE_FILTERED);
    tagged[15] = 6;
    tags_are_taken_out(tagged, frame, 6);
    rtnl_lock();
    vlan_vid_del(eth0, htons(ETH_P_8021Q), 6);
    assert(vlan_vid_add(eth0, htons(ETH_P_8021Q), 5) == 0);
    rtnl_unlock();
    assert(model->receive(nic, tagged, 104) == WIRE_FILTERED);
    tagged[15] = 5;
    tags_are_taken_out(tagged, frame, 5);
    rtnl_lock();
    vlan_vid_del(eth0, htons(ETH_P_8021Q), 5);
    rtnl_unlock();
}

static void long_frames_pass(void)
{
    u8 frame[LONGEST];
    size_t length = make_tcp(frame, 7000);

    rtnl_lock();
    assert(dev_set_mtu(eth0, 8000) == 0);
    rtnl_unlock();
    await_link(true);
    bring(frame, length); /* in several pages */
    assert(last_length == length && memcmp(last, frame, length) == 0);
    bring(frame, make_tcp(frame, 100));
    send_one(make_skb(frame, make_tcp(frame, 7000), 7000 + HEADERS, 1));
    assert(sent_count == 1 && sent_length[0] == length && memcmp(sent[0], frame, length) == 0);
    rtnl_lock();
    assert(dev_set_mtu(eth0, 1500) == 0);
    rtnl_unlock();
    await_link(true);
}

/* --- Settings --------------------------------------------------------------------------------------------
 */

static void ring_sizes_are_changed(void)
{
    struct ethtool_ringparam ring = {0};

    rtnl_lock();
    ring.rx_pending = 128;
    ring.tx_pending = 64;
    assert(eth0->ethtool_ops->set_ringparam(eth0, &ring, NULL, NULL) == 0);
    memset(&ring, 0, sizeof(ring));
    eth0->ethtool_ops->get_ringparam(eth0, &ring, NULL, NULL);
    rtnl_unlock();
    assert(ring.rx_pending == 128 && ring.tx_pending == 64);
    await_link(true);
    frames_pass_and_are_counted();
}

static void the_cable_is_pulled(void)
{
    u8 frame[ETH_ZLEN] = {0};

    model->set_cable(nic, false);
    await_link(false);
    assert(model->receive(nic, frame, sizeof(frame)) == WIRE_FILTERED);
    model->set_cable(nic, true);
    await_link(true);
}

/* Registers, EEPROM, interrupt, loopback, link. */
static void the_driver_finds_the_card_in_order(void)
{
    struct ethtool_test test = {.flags = ETH_TEST_FL_OFFLINE};
    u64 results[5] = {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL};

    assert(eth0->ethtool_ops->get_sset_count(eth0, ETH_SS_TEST) == (int)ARRAY_SIZE(results));
    rtnl_lock();
    eth0->ethtool_ops->self_test(eth0, &test, results);
    rtnl_unlock();
    for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
        if (results[i])
            fprintf(stderr, "test %zu of the driver's: %llu\n", i, (unsigned long long)results[i]);
        assert(results[i] == 0);
    }
    assert(!(test.flags & ETH_TEST_FL_FAILED));
    await_link(true);
}

static void boot(void)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};

    machine_init();
    config.wire = wire = wire_create(NULL, NULL);
    nic = model->create(&config);
    wire_on_transmitted(wire, frame_left, NULL);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
    machine_boot_finished();
}

static void find_device(void)
{
    assert(dde_linux_probe_drivers() == 1);
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert(eth0);
    dev_add_pack(&tap);
}

static void lose_device(void)
{
    struct dma_device *dma = pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0));

    dev_remove_pack(&tap);
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(dma_mapping_count(dma) == 0);
}

static bool choose(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
        if (strcmp(drivers[i].name, name) == 0)
            driver = &drivers[i];
    }
    model = nic_find_driver(name);
    return driver && model;
}

int main(int argc, char **argv)
{
    if (argc != 2 || !choose(argv[1]))
        return 2;
    boot();
    find_device();
    open_device();
    frames_pass_and_are_counted();
    missed_frames_are_counted();
    if (driver->offloads) {
        checksums_are_made();
        segments_are_made();
        received_checksums_are_told();
        tags_are_put_in();
        vlans_are_filtered();
        long_frames_pass();
    }
    if (eth0->ethtool_ops->set_ringparam)
        ring_sizes_are_changed();
    the_cable_is_pulled();
    if (eth0->ethtool_ops->self_test)
        the_driver_finds_the_card_in_order();
    frames_pass_and_are_counted();
    close_device();
    lose_device();

    find_device();
    open_device();
    frames_pass_and_are_counted();
    close_device();
    lose_device();
    assert(account_outstanding() == 0);
    printf("%d sent, %d received\n", freed, received);
    return 0;
}
