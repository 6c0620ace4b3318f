/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs here share that have one card, on a wire whose frames they make themselves: the card, its
 * device, and a tap that counts the frames of network.h that come up.
 */
#ifndef DDE_LINUX_PROGRAMS_ONE_CARD_H
#define DDE_LINUX_PROGRAMS_ONE_CARD_H

#include "network.h"

static const struct nic_model *model; /* which program and user have chosen */
static struct wire *wire;
static struct nic *nic;
static struct net_device *eth0;
static int freed, received; /* frames; changed atomically */

static inline void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static inline int count_received(void)
{
    return __atomic_load_n(&received, __ATOMIC_SEQ_CST);
}

static inline int take_frame(struct sk_buff *skb, struct net_device *dev __always_unused,
                             struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    assert(skb->len == ETH_ZLEN - ETH_HLEN && skb->data[0] == PAYLOAD_MARK);
    account_frame_delivered();
    __atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_frame};

/* `count` frames come in, one after another. address: the device's, which may be gone meanwhile. */
static inline void bring_frames(const u8 *address, int count)
{
    u8 frame[ETH_ZLEN];

    make_frame(frame, address, 0);
    for (int i = 0; i < count; i++)
        model->receive(nic, frame, sizeof(frame));
}

/* The machine with the card, which has so many pairs of queues, and the system on it, with as many CPUs. */
static inline void boot_with_card(unsigned int pairs)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .queue_pairs = pairs};

    machine_init();
    config.wire = wire = wire_create(NULL, NULL);
    nic = model->create(&config);
    assert(nic);
    dde_linux_set_cpus(pairs);
    boot_linux();
}

#endif
