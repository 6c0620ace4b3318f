/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments of connections that come in turns while the driver polls: with GRO, without it, and with it again.
 * What goes up, cut again, is in every schedule what the card has taken, each connection's in order; without
 * GRO nothing is merged; and every buffer is freed.
 *
 * Takes the generation of semaphores, posix without; the card, 82540em without; and how many pairs of queues
 * it has, one without.
 */
#include "one_card.h"

#include <stdlib.h>

#include "segments.h"

#define CONNECTIONS 3
#define SEGMENTS 12 /* of each, in one phase */
#define PAYLOAD 100u
#define FIRST_PORT 40000

static int accepted;      /* frames of this phase */
static int came, packets; /* of this phase: frames and what they came in. Of the softirq thread */
static u32 next_sequence[CONNECTIONS]; /* the earliest that may come; of the softirq thread, too */

static size_t make_segment(u8 *frame, int connection, u32 sequence)
{
    static const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    const __be16 protocol = htons(ETH_P_IP);

    memcpy(frame, eth0->dev_addr, ETH_ALEN);
    memcpy(frame + ETH_ALEN, peer, ETH_ALEN);
    memcpy(frame + 2 * ETH_ALEN, &protocol, sizeof(protocol));
    return ETH_HLEN + segment_make(frame + ETH_HLEN, (u16)(FIRST_PORT + connection), sequence,
                                   (u16)(sequence / PAYLOAD), PAYLOAD);
}

static void take_segment_of(const u8 *frame, size_t length)
{
    const struct tcphdr *tcp = (const struct tcphdr *)(frame + ETH_HLEN + sizeof(struct iphdr));
    int connection = ntohs(tcp->dest) - FIRST_PORT;
    u32 sequence = ntohl(tcp->seq);
    u8 right[ETH_FRAME_LEN];

    assert(connection >= 0 && connection < CONNECTIONS && sequence >= next_sequence[connection]);
    assert(length == make_segment(right, connection, sequence) && memcmp(frame, right, length) == 0);
    next_sequence[connection] = sequence + PAYLOAD;
    came++;
    account_frame_delivered();
}

static int take_packet(struct sk_buff *skb, struct net_device *dev __always_unused,
                       struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    packets++;
    assert(segments_of(skb, take_segment_of) == NULL);
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

/* Runs of one to three segments of each connection, in turns. */
static int bring_segments(void *first)
{
    u32 sequence[CONNECTIONS];
    u8 frame[ETH_FRAME_LEN];
    int turn = 0;

    for (int i = 0; i < CONNECTIONS; i++)
        sequence[i] = *(u32 *)first;
    for (int left = CONNECTIONS * SEGMENTS; left > 0; turn++) {
        u32 *next = &sequence[turn % CONNECTIONS];

        for (int run = turn % 4; run > 0 && *next - *(u32 *)first < SEGMENTS * PAYLOAD; run--, left--) {
            size_t length = make_segment(frame, turn % CONNECTIONS, *next);

            accepted += model->receive(nic, frame, length) == WIRE_ACCEPTED;
            *next += PAYLOAD;
        }
    }
    return 0;
}

static void switch_gro(bool on)
{
    rtnl_lock();
    eth0->wanted_features &= ~NETIF_F_GRO;
    eth0->wanted_features |= on ? NETIF_F_GRO : 0;
    netdev_update_features(eth0);
    rtnl_unlock();
    assert(!(eth0->features & NETIF_F_GRO) == !on);
}

/* Nothing is under way when it begins and when it ends. */
static void pass(int phase, bool gro)
{
    u32 first = (u32)phase * SEGMENTS * PAYLOAD;
    struct job job = {.function = bring_segments, .argument = &first};

    accepted = came = packets = 0;
    switch_gro(gro);
    start_job(&job, phase);
    finish_job(&job);
    account_wait_outstanding(0);
    synchronize_net(); /* after the last one's tap */
    assert(came == accepted && packets <= came && (gro || packets == came));
    printf("%d frames in %d packets%s", came, packets, phase < 2 ? ", " : "\n");
}

int main(int argc, char **argv)
{
    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    model = nic_find_model(argc > 2 ? argv[2] : "82540em");
    if (!model)
        return 2;
    boot_with_card(argc > 3 ? (unsigned int)atoi(argv[3]) : 1);
    tap.func = take_packet;
    dev_add_pack(&tap);
    dde_linux_watch_memory();
    eth0 = probe_device();
    open_device(eth0);
    machine_boot_finished();
    for (int phase = 0; phase < 3; phase++)
        pass(phase, phase != 1);
    close_device(eth0);
    dev_remove_pack(&tap);
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(dde_linux_report_leaks() == 0);
    return 0;
}
