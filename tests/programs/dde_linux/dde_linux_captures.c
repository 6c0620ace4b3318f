/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture through a driver, both ways at once and byte for byte, what GRO merges cut again; and afterwards
 * its statistics: what it tells everybody (ndo_get_stats64) and what it tells ethtool, of which some are the
 * card's own counters, against what the wire has carried. The account is that of the whole capture, frame by
 * frame; no frame is lost.
 *
 * Takes the card, the capture, how many pairs of queues the card has, one without; and "off" to have the device
 * without GRO.
 */
#include "network.h"

#include <stdlib.h>

#include "netdde-under-test/pfinet/sequence.h"
#include "replay/pace.h"
#include "replay/replay.h"
#include "segments.h"
#include "statistics.h"

#define UNDER_WAY 64    /* frames that are sent before one waits for the first to be freed */
#define STATISTICS_S 10 /* by then every driver has asked its card */

/* What the wire has carried in one direction. */
struct traffic {
    u64 frames, octets, broadcasts, multicasts; /* multicasts without broadcasts */
};

/* What a statistic must be. */
enum quantity {
    NONE,
    RX_FRAMES,
    RX_OCTETS,
    RX_OCTETS_WITH_FCS,
    RX_BROADCASTS,
    RX_MULTICASTS,
    TX_FRAMES,
    TX_OCTETS,
    TX_OCTETS_WITH_FCS,
    TX_BROADCASTS,
    TX_MULTICASTS,
};

static const struct expected {
    const char *driver, *name;
    enum quantity quantity;
} expected[] = {
    {"8139too", "early_rx", NONE},
    {"8139too", "tx_timeouts", NONE},
    {"8139too", "rx_lost_in_ring", NONE},

    {"e1000", "rx_packets", RX_FRAMES},
    {"e1000", "rx_bytes", RX_OCTETS_WITH_FCS},
    {"e1000", "rx_long_byte_count", RX_OCTETS_WITH_FCS},
    {"e1000", "rx_broadcast", RX_BROADCASTS},
    {"e1000", "rx_multicast", RX_MULTICASTS},
    {"e1000", "tx_packets", TX_FRAMES},
    {"e1000", "tx_bytes", TX_OCTETS_WITH_FCS},
    {"e1000", "tx_broadcast", TX_BROADCASTS},
    {"e1000", "tx_multicast", TX_MULTICASTS},
    {"e1000", "rx_errors", NONE},
    {"e1000", "rx_crc_errors", NONE},
    {"e1000", "rx_missed_errors", NONE},
    {"e1000", "rx_no_buffer_count", NONE},
    {"e1000", "rx_short_length_errors", NONE},
    {"e1000", "rx_long_length_errors", NONE},
    {"e1000", "tx_errors", NONE},
    {"e1000", "tx_timeout_count", NONE},

    {"e100", "rx_packets", RX_FRAMES},
    {"e100", "rx_bytes", RX_OCTETS},
    {"e100", "tx_packets", TX_FRAMES},
    {"e100", "tx_bytes", TX_OCTETS},
    {"e100", "rx_errors", NONE},
    {"e100", "rx_missed_errors", NONE},
    {"e100", "rx_short_frame_errors", NONE},
    {"e100", "rx_over_length_errors", NONE},
    {"e100", "tx_errors", NONE},
    {"e100", "tx_deferred", NONE},

    {"virtio_net", "rx_queue_0_packets", RX_FRAMES},
    {"virtio_net", "rx_queue_0_bytes", RX_OCTETS},
    {"virtio_net", "rx_queue_0_drops", NONE},
    {"virtio_net", "tx_queue_0_packets", TX_FRAMES},
    {"virtio_net", "tx_queue_0_bytes", TX_OCTETS},
    {"virtio_net", "tx_queue_0_tx_timeouts", NONE},
};

static const struct nic_model *model;
static unsigned int pairs = 1;
static const struct replay *replay;
static struct wire *wire;
static struct net_device *eth0;
static int freed;                     /* atomically */
static size_t packets;                /* of the softirq thread */
static struct sequence arrived, left; /* of the softirq thread; of the card's transmitter */

static void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static void take_frame(const u8 *frame, size_t length)
{
    assert(sequence_match(&arrived, frame, length) != SEQUENCE_NONE);
    account_frame_delivered();
}

static int take_packet(struct sk_buff *skb, struct net_device *dev __always_unused,
                       struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    assert(segments_of(skb, take_frame) == NULL);
    kfree_skb(skb);
    packets++;
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_packet};

static void frame_left(void *opaque __always_unused, uint64_t number __always_unused, const uint8_t *frame,
                       size_t length)
{
    assert(sequence_match(&left, frame, length) != SEQUENCE_NONE);
}

static int send_capture(void *unused __always_unused)
{
    int sent = 0;

    for (size_t i = 0; i < replay->frame_count; i++) {
        const struct replay_frame *frame = &replay->frames[i];
        struct sk_buff *skb;

        if (frame->direction != REPLAY_FROM_DEVICE)
            continue;
        while (sent - __atomic_load_n(&freed, __ATOMIC_SEQ_CST) >= UNDER_WAY)
            schedule_timeout_uninterruptible(1);
        skb = alloc_skb(frame->length, GFP_KERNEL);
        skb_put_data(skb, frame->data, frame->length);
        skb->dev = eth0;
        skb->destructor = count_freed;
        assert(dev_queue_xmit(skb) == NET_XMIT_SUCCESS);
        sent++;
    }
    return 0;
}

static void plug_in(void)
{
    static const struct pace pace = {.kind = PACE_WINDOW};
    enum sequence_order order = pairs > 1 ? SEQUENCE_BY_FLOW : SEQUENCE_WHOLE;
    struct nic_config config = {.queue_pairs = pairs};

    wire = wire_create(replay, &pace);
    config.wire = wire;
    memcpy(config.mac, replay->mac, sizeof(config.mac));
    assert(model->create(&config));
    assert(sequence_init(&arrived, replay, REPLAY_TO_DEVICE, order) == 0);
    assert(sequence_init(&left, replay, REPLAY_FROM_DEVICE, order) == 0);
    wire_on_transmitted(wire, frame_left, NULL);
}

static void find_device(bool gro)
{
    eth0 = probe_device();
    rtnl_lock();
    if (!gro)
        eth0->wanted_features &= ~NETIF_F_GRO;
    netdev_update_features(eth0);
    rtnl_unlock();
    dev_add_pack(&tap);
    open_device(eth0);
}

static void play(void)
{
    struct job sender = {.function = send_capture};

    wire_start(wire);
    start_job(&sender, 0);
    finish_job(&sender);
    wire_wait_finished(wire);
    account_wait_outstanding(0);
    schedule_timeout_uninterruptible(STATISTICS_S * HZ);
    assert(arrived.matched == replay->to_device_count && left.matched == replay->from_device_count);
    assert(arrived.checksum == arrived.expected_checksum);
    assert(left.checksum == left.expected_checksum);
}

/* Of the capture's frames in one direction, all of which have passed. */
static struct traffic count_traffic(enum replay_direction direction)
{
    struct traffic traffic = {0};

    for (size_t i = 0; i < replay->frame_count; i++) {
        const struct replay_frame *frame = &replay->frames[i];

        if (frame->direction != direction)
            continue;
        traffic.frames++;
        traffic.octets += frame->length;
        traffic.broadcasts += is_broadcast_ether_addr(frame->data);
        traffic.multicasts += is_multicast_ether_addr(frame->data) && !is_broadcast_ether_addr(frame->data);
    }
    return traffic;
}

static u64 value_of(enum quantity quantity, const struct traffic *rx, const struct traffic *tx)
{
    switch (quantity) {
    case NONE:
        return 0;
    case RX_FRAMES:
        return rx->frames;
    case RX_OCTETS:
        return rx->octets;
    case RX_OCTETS_WITH_FCS:
        return rx->octets + rx->frames * ETH_FCS_LEN;
    case RX_BROADCASTS:
        return rx->broadcasts;
    case RX_MULTICASTS:
        return rx->multicasts;
    case TX_FRAMES:
        return tx->frames;
    case TX_OCTETS:
        return tx->octets;
    case TX_OCTETS_WITH_FCS:
        return tx->octets + tx->frames * ETH_FCS_LEN;
    case TX_BROADCASTS:
        return tx->broadcasts;
    case TX_MULTICASTS:
        return tx->multicasts;
    }
    return 0;
}

/* The wire has carried what the capture holds, and the driver says the same to everybody. */
static void check_for_everybody(const struct traffic *rx, const struct traffic *tx)
{
    struct wire_counters counters = wire_read_counters(wire);
    struct rtnl_link_stats64 stats;

    assert(counters.outcomes[WIRE_ACCEPTED] == rx->frames && counters.played == rx->frames);
    assert(counters.transmitted == tx->frames && counters.transmitted_bytes == tx->octets);
    dev_get_stats(eth0, &stats);
    assert(stats.rx_packets == rx->frames && stats.rx_bytes == rx->octets);
    assert(stats.tx_packets == tx->frames && stats.tx_bytes == tx->octets);
    assert(stats.rx_errors == 0 && stats.rx_dropped == 0 && stats.rx_missed_errors == 0);
    assert(stats.tx_errors == 0 && stats.tx_dropped == 0 && stats.collisions == 0);
}

/* A queue's statistic stands for those of all queues. */
static u64 read_of_all_queues(const char *name)
{
    static const char queue[] = "_queue_0_";
    const char *place = strstr(name, queue);
    char other[ETH_GSTRING_LEN];
    u64 sum = read_statistic(eth0, name);

    for (unsigned int i = 1; place && i < pairs; i++) {
        snprintf(other, sizeof(other), "%.*s_queue_%u_%s", (int)(place - name), name, i,
                 place + strlen(queue));
        sum += read_statistic(eth0, other);
    }
    return sum;
}

/* Returns how many of the driver's own were compared. */
static int check_for_ethtool(const struct traffic *rx, const struct traffic *tx)
{
    int compared = 0, wrong = 0;

    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        u64 is, should_be = value_of(expected[i].quantity, rx, tx);

        if (strcmp(expected[i].driver, model->driver) != 0)
            continue;
        is = read_of_all_queues(expected[i].name);
        compared++;
        if (is == should_be)
            continue;
        wrong++;
        fprintf(stderr, "%s is %llu and should be %llu\n", expected[i].name, (unsigned long long)is,
                (unsigned long long)should_be);
    }
    assert(wrong == 0);
    return compared;
}

int main(int argc, char **argv)
{
    struct traffic rx, tx;
    char error[REPLAY_MESSAGE_MAX];

    model = argc >= 3 && argc <= 5 ? nic_find_model(argv[1]) : NULL;
    replay = model ? replay_open(argv[2], NULL, error, sizeof(error)) : NULL;
    if (!replay)
        return 2;
    if (argc > 3)
        pairs = (unsigned int)atoi(argv[3]);
    machine_init();
    plug_in();
    dde_linux_set_cpus(pairs);
    boot_linux();
    find_device(argc < 5);
    machine_boot_finished();
    play();
    rx = count_traffic(REPLAY_TO_DEVICE);
    tx = count_traffic(REPLAY_FROM_DEVICE);
    check_for_everybody(&rx, &tx);
    printf("%zu frames in, %zu frames out, %d statistics of the driver's own, %zu packets up\n",
           replay->to_device_count, replay->from_device_count, check_for_ethtool(&rx, &tx), packets);
    dev_remove_pack(&tap);
    close_device(eth0);
    dev_put(eth0);
    dde_linux_remove_drivers();
    return 0;
}
