/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver on the model of its card, opened and closed twice while one thread sends, frames come in and time
 * may jump past the transmit watchdog's limit; then the driver leaves. Every buffer is freed once, frames
 * come up whole and never after the tap was removed, and in the end nothing is left at the IOMMU.
 *
 * Takes the generation of semaphores, posix without; and the driver, 8139too without.
 */
#include "network.h"

#define SENT 12        /* frames; more than the card has descriptors for */
#define BROUGHT 12     /* frames */
#define LONG (10 * HZ) /* the transmit watchdog's limit is 5 or 6 s */

static const struct nic_model *model;
static struct nic *nic;
static struct net_device *eth0;
static int freed, received, tapped; /* changed atomically */

static void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

static int take_frame(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt __always_unused,
                      struct net_device *orig __always_unused)
{
    assert(__atomic_load_n(&tapped, __ATOMIC_SEQ_CST) && dev == eth0);
    assert(skb->len == ETH_ZLEN - ETH_HLEN && skb->data[0] == PAYLOAD_MARK);
    account_frame_delivered();
    __atomic_fetch_add(&received, 1, __ATOMIC_SEQ_CST);
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_frame};

static int send_all(void *unused __always_unused)
{
    send_frames(eth0, SENT, count_freed);
    return 0;
}

static int bring_frames(void *unused __always_unused)
{
    u8 frame[ETH_ZLEN];

    make_frame(frame, eth0->dev_addr, 0);
    for (int i = 0; i < BROUGHT; i++)
        model->receive(nic, frame, sizeof(frame));
    return 0;
}

static void boot(void)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};

    machine_init();
    config.wire = wire_create(NULL, NULL);
    nic = model->create(&config);
    boot_linux();
    assert(dde_linux_probe_drivers() == 1);
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert(eth0);
    machine_boot_finished();
}

int main(int argc, char **argv)
{
    struct job jobs[] = {{.function = send_all}, {.function = bring_frames}};
    struct dma_device *dma;
    int timeouts;

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    model = nic_find_driver(argc > 2 ? argv[2] : "8139too");
    if (!model)
        return 2;
    boot();
    __atomic_store_n(&tapped, 1, __ATOMIC_SEQ_CST);
    dev_add_pack(&tap);
    open_device(eth0);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        start_job(&jobs[i], (int)i);
    schedule_timeout_uninterruptible(1);
    close_device(eth0);
    open_device(eth0);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        finish_job(&jobs[i]);
    /* Once more without any other deadline than the watchdog's: time may jump to it while frames are queued.
     */
    send_all(NULL);
    schedule_timeout_uninterruptible(LONG);
    dev_remove_pack(&tap);
    __atomic_store_n(&tapped, 0, __ATOMIC_SEQ_CST);
    close_device(eth0);
    timeouts = count_timeouts(eth0);
    dma = pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0));
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(__atomic_load_n(&freed, __ATOMIC_SEQ_CST) == 2 * SENT);
    assert(dma_mapping_count(dma) == 0 && dma_fault_count(dma) == 0);
    printf("%d sent, %d received of %d\n", freed, received, BROUGHT);
    if (timeouts >= 0)
        printf("%d resets\n", timeouts);
    return 0;
}
