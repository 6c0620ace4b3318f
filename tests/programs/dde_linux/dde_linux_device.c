/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver on the model of its card, opened and closed twice while one thread sends, frames come in and time
 * may jump past the transmit watchdog's limit; then the driver leaves. Every buffer is freed once, frames
 * come up whole and never after the tap was removed, and in the end nothing is left at the IOMMU.
 *
 * Takes the generation of semaphores, posix without; and the driver, 8139too without.
 */
#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/sync.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/kthread.h>
#include <linux/rtnetlink.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"

#define SENT 12    /* frames; more than the card has descriptors for */
#define BROUGHT 12 /* frames */
#define LINK_JIFFIES 20
#define STATISTICS_MAX 64
#define PAYLOAD_MARK 77 /* what each frame carries */
#define LONG (10 * HZ)  /* the transmit watchdog's limit is 5 or 6 s */

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

static void make_frame(u8 frame[ETH_ZLEN], const u8 *destination)
{
    memset(frame, 0, ETH_ZLEN);
    memcpy(frame, destination, ETH_ALEN);
    frame[12] = 0x88; /* the type for local experiments */
    frame[13] = 0xb5;
    frame[ETH_HLEN] = PAYLOAD_MARK;
}

static int send_frames(void *unused __always_unused)
{
    const u8 peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};
    u8 frame[ETH_ZLEN];

    make_frame(frame, peer);
    for (int i = 0; i < SENT; i++) {
        struct sk_buff *skb = alloc_skb(ETH_ZLEN, GFP_KERNEL);

        skb_put_data(skb, frame, sizeof(frame));
        skb->dev = eth0;
        skb->destructor = count_freed;
        dev_queue_xmit(skb);
    }
    return 0;
}

static int bring_frames(void *unused __always_unused)
{
    u8 frame[ETH_ZLEN];

    make_frame(frame, eth0->dev_addr);
    for (int i = 0; i < BROUGHT; i++)
        model->receive(nic, frame, sizeof(frame));
    return 0;
}

struct job {
    int (*function)(void *);
    struct completion done;
};

static int do_job(void *argument)
{
    struct job *job = argument;

    job->function(NULL);
    complete(&job->done);
    return 0;
}

static void open_device(void)
{
    rtnl_lock();
    assert(dev_open(eth0, NULL) == 0);
    rtnl_unlock();
    /* Some drivers look at the link only after a while. Until then frames are dropped. */
    for (int i = 0; i < LINK_JIFFIES && !(dev_get_flags(eth0) & IFF_RUNNING); i++)
        schedule_timeout_uninterruptible(1);
}

static void close_device(void)
{
    rtnl_lock();
    dev_close(eth0);
    rtnl_unlock();
}

/* How often the driver had to reset the card, by its own count; -1 when it does not count. */
static int count_timeouts(void)
{
    static char names[STATISTICS_MAX][ETH_GSTRING_LEN];
    static u64 values[STATISTICS_MAX];
    int count = eth0->ethtool_ops->get_sset_count(eth0, ETH_SS_STATS);

    assert(count > 0 && count <= STATISTICS_MAX);
    eth0->ethtool_ops->get_strings(eth0, ETH_SS_STATS, (u8 *)names);
    eth0->ethtool_ops->get_ethtool_stats(eth0, NULL, values);
    for (int i = 0; i < count; i++) {
        if (strncmp(names[i], "tx_timeout", strlen("tx_timeout")) == 0)
            return (int)values[i];
    }
    return -1;
}

static void boot(void)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};

    machine_init();
    config.wire = wire_create(NULL, NULL);
    nic = model->create(&config);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
    assert(dde_linux_probe_drivers() == 1);
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert(eth0);
    machine_boot_finished();
}

int main(int argc, char **argv)
{
    struct job jobs[] = {{.function = send_frames}, {.function = bring_frames}};
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
    open_device();
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        init_completion(&jobs[i].done);
        assert(!IS_ERR(kthread_run(do_job, &jobs[i], "job/%zu", i)));
    }
    schedule_timeout_uninterruptible(1);
    close_device();
    open_device();
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        wait_for_completion(&jobs[i].done);
    /* Once more without any other deadline than the watchdog's: time may jump to it while frames are queued.
     */
    send_frames(NULL);
    schedule_timeout_uninterruptible(LONG);
    dev_remove_pack(&tap);
    __atomic_store_n(&tapped, 0, __ATOMIC_SEQ_CST);
    close_device();
    assert(__atomic_load_n(&freed, __ATOMIC_SEQ_CST) == 2 * SENT);
    timeouts = count_timeouts();
    dma = pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0));
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(dma_mapping_count(dma) == 0 && dma_fault_count(dma) == 0);
    printf("%d sent, %d received of %d\n", freed, received, BROUGHT);
    if (timeouts >= 0)
        printf("%d resets\n", timeouts);
    return 0;
}
