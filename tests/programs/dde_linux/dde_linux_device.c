/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver on the model of its card, opened and closed twice while one thread sends, frames come in and time
 * may jump past the transmit watchdog's limit; then the driver leaves. Every buffer is freed once, frames
 * come up whole and never after the tap was removed, and in the end nothing is left at the IOMMU.
 *
 * Takes the generation of semaphores, posix without; and the driver, 8139too without.
 */
#include "one_card.h"

#define SENT 12        /* frames; more than the card has descriptors for */
#define BROUGHT 12     /* frames */
#define LONG (10 * HZ) /* the transmit watchdog's limit is 5 or 6 s */

static int tapped; /* atomically */

static int take_while_tapped(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt,
                             struct net_device *orig)
{
    assert(__atomic_load_n(&tapped, __ATOMIC_SEQ_CST) && dev == eth0);
    return take_frame(skb, dev, pt, orig);
}

static int send_all(void *unused __always_unused)
{
    send_frames(eth0, SENT, count_freed);
    return 0;
}

static int bring_all(void *unused __always_unused)
{
    bring_frames(eth0->dev_addr, BROUGHT);
    return 0;
}

int main(int argc, char **argv)
{
    struct job jobs[] = {{.function = send_all}, {.function = bring_all}};
    struct dma_device *dma;
    int timeouts;

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    model = nic_find_driver(argc > 2 ? argv[2] : "8139too");
    if (!model)
        return 2;
    boot_with_card(1);
    eth0 = probe_device();
    machine_boot_finished();
    tap.func = take_while_tapped;
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
    assert(dma_mapping_count(dma) == 0);
    printf("%d sent, %d received of %d\n", freed, received, BROUGHT);
    if (timeouts >= 0)
        printf("%d resets\n", timeouts);
    return 0;
}
