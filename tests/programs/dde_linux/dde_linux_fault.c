/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver on the model of its card, which has a fault: one frame comes and one is sent in each round, for
 * long after the fault has struck. Then the device is closed, the driver leaves, and, if the card is still
 * there, comes back to it. Whatever is lost, no frame is wrong, comes twice or out of
 * order, every buffer is freed, and in the end nothing is left at the IOMMU.
 *
 * Takes the card, the fault, and what is to come of that: see outcomes. Without that the program is for
 * schedules in which others hardly run while main waits: what passes in time is then not the driver's doing.
 * Prints what passed.
 */
#include "tests/programs/dde_linux/network.h"

#include <linux/delay.h>

#define ROUNDS 600
#define ROUND_MS 50 /* 30 s: the longest transmit watchdog waits for 6 s, and only when a ring is full */
#define LAST 50     /* rounds */
#define WITHOUT 10  /* rounds that a driver goes on without its card, until it is told */
#define NUMBER_AT (ETH_HLEN + 2)

/* What still passes in the end. */
static const struct outcome {
    const char *name;
    bool receives, sends;
} outcomes[] = {
    {"recovers", true, true},
    {"is deaf", false, true},
    {"is mute", true, false},
    {"is dead", false, false},
};

/* Frames of one direction, by the number that each carries. Changed by one thread at a time. */
struct passed {
    int next; /* the least number that may come */
    int count, last;
};

static const struct nic_model *model;
static struct nic *nic;
static struct net_device *eth0;
static struct passed received, sent;
static int handed_over;
static int freed, removed; /* changed atomically */

static void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static void make_numbered(u8 frame[ETH_ZLEN], const u8 *destination, int number)
{
    make_frame(frame, destination, 0);
    memcpy(frame + NUMBER_AT, &number, sizeof(number));
}

static void note(struct passed *passed, const u8 *frame, size_t length, const u8 *destination)
{
    u8 expected[ETH_ZLEN];
    int number;

    assert(length == ETH_ZLEN);
    memcpy(&number, frame + NUMBER_AT, sizeof(number));
    assert(number >= passed->next && number < ROUNDS);
    make_numbered(expected, destination, number);
    memcpy(expected + ETH_ALEN, frame + ETH_ALEN, ETH_ALEN); /* its sender is nobody's concern */
    assert(memcmp(frame, expected, ETH_ZLEN) == 0);
    passed->next = number + 1;
    passed->count++;
    passed->last += number >= ROUNDS - LAST;
}

static int frame_came(struct sk_buff *skb, struct net_device *dev __always_unused,
                      struct packet_type *pt __always_unused, struct net_device *orig __always_unused)
{
    note(&received, skb_mac_header(skb), skb->len + ETH_HLEN, eth0->dev_addr);
    account_frame_delivered();
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

static const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 7};

static void frame_left(void *opaque __always_unused, uint64_t number __always_unused, const uint8_t *frame,
                       size_t length)
{
    note(&sent, frame, length, peer);
}

static void card_removed(void *opaque __always_unused)
{
    __atomic_store_n(&removed, 1, __ATOMIC_SEQ_CST);
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = frame_came};

static void one_round(int number)
{
    u8 frame[ETH_ZLEN];
    struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

    make_numbered(frame, eth0->dev_addr, number);
    model->receive(nic, frame, sizeof(frame));
    make_numbered(frame, peer, number);
    skb_put_data(skb, frame, sizeof(frame));
    skb->dev = eth0;
    skb->destructor = count_freed;
    handed_over++;
    dev_queue_xmit(skb);
    msleep(ROUND_MS);
}

static void print_passed(void)
{
    struct rtnl_link_stats64 statistics;

    dev_get_stats(eth0, &statistics);
    printf("received %d, sent %d; errors: %d receiving, %d sending, %d time-outs\n", received.count,
           sent.count, (int)statistics.rx_errors, (int)statistics.tx_errors,
           atomic_read(&netdev_get_tx_queue(eth0, 0)->trans_timeout));
    fflush(stdout); /* also when what follows is a finding */
}

/* The driver finds the card, carries the frames of both ways, numbered from 0, and leaves. */
static void use_card(const struct outcome *outcome)
{
    struct dma_device *dma = pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0));

    dde_linux_probe_drivers();
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert(eth0);
    dev_add_pack(&tap);
    open_device(eth0);
    received = sent = (struct passed){0};
    for (int i = 0, without = 0; i < ROUNDS && without < WITHOUT; i++) {
        one_round(i);
        without += __atomic_load_n(&removed, __ATOMIC_SEQ_CST);
    }
    print_passed();
    assert(!outcome || ((received.last > 0) == outcome->receives && (sent.last > 0) == outcome->sends));
    close_device(eth0);
    dev_remove_pack(&tap);
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(__atomic_load_n(&freed, __ATOMIC_SEQ_CST) == handed_over);
    assert(dma_mapping_count(dma) == 0);
}

static void boot(const struct fault_plan *fault)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .fault = *fault};

    machine_init();
    config.wire = wire_create(NULL, NULL);
    nic = model->create(&config);
    wire_on_transmitted(config.wire, frame_left, NULL);
    boot_linux();
    machine_boot_finished();
}

static const struct outcome *find_outcome(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
        if (strcmp(outcomes[i].name, name) == 0)
            return &outcomes[i];
    return NULL;
}

int main(int argc, char **argv)
{
    struct fault_plan fault = {.removed = card_removed};
    const struct outcome *outcome = argc == 4 ? find_outcome(argv[3]) : NULL;

    model = argc >= 3 ? nic_find_model(argv[1]) : NULL;
    if (!model || !fault_parse(argv[2], &fault) || argc > 4 || (argc == 4 && !outcome))
        return 2;
    boot(&fault);
    use_card(outcome);
    if (removed)
        return 0;
    use_card(outcome ? find_outcome("recovers") : NULL);
    model->power_off(nic); /* with what a closed driver has left in it */
    assert(account_outstanding() == 0);
    return 0;
}
