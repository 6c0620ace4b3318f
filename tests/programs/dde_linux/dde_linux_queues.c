/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A card with several pairs of queues, and two threads that send frames of several flows each, which the peer
 * sends back. Every frame comes back; those of a flow in their order both ways. The flows use all queues,
 * until ethtool says that one pair is to do, and then again.
 *
 * Takes the generation of semaphores, posix without, and the number of pairs, 2 without.
 */
#include <stdlib.h>

#include "one_card.h"

#include <linux/ip.h>
#include <linux/udp.h>

#include "statistics.h"

#define SENDERS 2
#define FLOWS 8    /* with the first half of them the first sender */
#define FRAMES 3   /* of each flow, in each phase */
#define PORT 5000  /* of the first flow; ours and the peer's are the same */
#define PAYLOAD 42 /* where the number of a frame in its flow is */
#define PAIRS_MAX 4

static unsigned int pairs = 2;
static struct completion gone, back;           /* a frame that was sent is freed; has come back */
static int left_next[FLOWS], came_next[FLOWS]; /* numbers; of the card's transmitter; of the softirq thread */
static int sent_next[FLOWS];                   /* each of its sender */

static void make_flow_frame(u8 frame[ETH_ZLEN], int flow, int number)
{
    const struct iphdr ip = {.version = 4,
                             .ihl = 5,
                             .ttl = 64,
                             .protocol = IPPROTO_UDP,
                             .tot_len = htons(ETH_ZLEN - ETH_HLEN),
                             .saddr = htonl(0x0a000001),
                             .daddr = htonl(0x0a000002)};
    /* What differs between the flows is not the same in both ports, or it would not show in both together. */
    const struct udphdr udp = {.source = htons((u16)(PORT + flow)),
                               .dest = htons(PORT),
                               .len = htons(ETH_ZLEN - ETH_HLEN - sizeof(ip))};

    memset(frame, 0, ETH_ZLEN);
    frame[0] = 2; /* the peer */
    memcpy(frame + ETH_ALEN, eth0->dev_addr, ETH_ALEN);
    frame[12] = 0x08; /* IPv4 */
    memcpy(frame + ETH_HLEN, &ip, sizeof(ip));
    memcpy(frame + ETH_HLEN + sizeof(ip), &udp, sizeof(udp));
    frame[PAYLOAD] = (u8)number;
}

/* Both ways. */
static int flow_of(const u8 *udp)
{
    return udp[1] + udp[3] - 2 * (PORT & 0xff) + (udp[0] + udp[2] - 2 * (PORT >> 8)) * 256;
}

static void exchange(u8 *a, u8 *b, size_t length)
{
    u8 kept[ETH_ALEN];

    memcpy(kept, a, length);
    memcpy(a, b, length);
    memcpy(b, kept, length);
}

/* The peer, in the card's transmitter. */
static void send_back(void *opaque __always_unused, uint64_t number __always_unused, const uint8_t *sent,
                      size_t length)
{
    u8 frame[ETH_ZLEN], *ip = frame + ETH_HLEN, *udp = ip + sizeof(struct iphdr);
    int flow;

    assert(length == sizeof(frame));
    memcpy(frame, sent, sizeof(frame));
    flow = flow_of(udp);
    assert(frame[PAYLOAD] == (u8)left_next[flow]++);
    exchange(frame, frame + ETH_ALEN, ETH_ALEN);
    exchange(ip + 12, ip + 16, 4);
    exchange(udp, udp + 2, 2);
    assert(model->receive(nic, frame, sizeof(frame)) == WIRE_ACCEPTED);
}

static int take_flow_frame(struct sk_buff *skb, struct net_device *dev __always_unused,
                           struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    const u8 *frame = skb_mac_header(skb);
    int flow = flow_of(frame + ETH_HLEN + sizeof(struct iphdr));

    assert(skb_rx_queue_recorded(skb) && skb_get_rx_queue(skb) < pairs);
    assert(frame[PAYLOAD] == (u8)came_next[flow]++);
    account_frame_delivered();
    kfree_skb(skb);
    complete(&back);
    return NET_RX_SUCCESS;
}

static void frame_gone(struct sk_buff *skb __always_unused)
{
    complete(&gone);
}

static int send_flows(void *first)
{
    u8 frame[ETH_ZLEN];

    for (int i = 0; i < FRAMES * FLOWS / SENDERS; i++) {
        int flow = *(int *)first + i % (FLOWS / SENDERS);
        struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

        make_flow_frame(frame, flow, sent_next[flow]++);
        skb_put_data(skb, frame, sizeof(frame));
        skb->dev = eth0;
        skb->destructor = frame_gone;
        assert(dev_queue_xmit(skb) == NET_XMIT_SUCCESS);
    }
    return 0;
}

static u64 count_sent(unsigned int queue)
{
    char name[ETH_GSTRING_LEN];

    snprintf(name, sizeof(name), "tx_queue_%u_packets", queue);
    return read_statistic(eth0, name);
}

/* Every flow sends some. Each of the first `used` queues, which the driver tells of, is used, and no other.
 */
static void pass_frames(unsigned int used)
{
    int firsts[SENDERS];
    struct job senders[SENDERS];
    u64 before[PAIRS_MAX], passed = 0;

    for (unsigned int i = 0; i < used; i++)
        before[i] = count_sent(i);
    for (int i = 0; i < SENDERS; i++) {
        firsts[i] = i * FLOWS / SENDERS;
        senders[i] = (struct job){.function = send_flows, .argument = &firsts[i]};
        start_job(&senders[i], i);
    }
    for (int i = 0; i < SENDERS; i++)
        finish_job(&senders[i]);
    for (int i = 0; i < FLOWS * FRAMES; i++) {
        wait_for_completion(&gone);
        wait_for_completion(&back);
    }
    /* The driver counts what it has freed before it drops the queue's lock. */
    netif_tx_lock(eth0);
    netif_tx_unlock(eth0);
    for (unsigned int i = 0; i < used; i++) {
        assert(count_sent(i) > before[i]);
        passed += count_sent(i) - before[i];
    }
    assert(passed == FLOWS * FRAMES);
}

static void use_pairs(unsigned int count)
{
    struct ethtool_channels channels = {.combined_count = count};

    rtnl_lock();
    assert(eth0->ethtool_ops->set_channels(eth0, &channels) == 0);
    eth0->ethtool_ops->get_channels(eth0, &channels);
    rtnl_unlock();
    assert(channels.combined_count == count && channels.max_combined == pairs);
    assert(eth0->real_num_tx_queues == count);
}

int main(int argc, char **argv)
{
    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    if (argc > 2)
        pairs = (unsigned int)atoi(argv[2]);
    init_completion(&gone);
    init_completion(&back);
    model = nic_find_model("virtio-net");
    boot_with_card(pairs);
    wire_on_transmitted(wire, send_back, NULL);
    tap.func = take_flow_frame;
    eth0 = probe_device();
    dev_add_pack(&tap);
    open_device(eth0);
    machine_boot_finished();

    pass_frames(pairs);
    use_pairs(1);
    pass_frames(1);
    use_pairs(pairs);
    pass_frames(pairs);
    close_device(eth0);
    dev_remove_pack(&tap);
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(!try_wait_for_completion(&gone) && !try_wait_for_completion(&back));
    return 0;
}
