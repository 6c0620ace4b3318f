/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small driver that takes everything a driver takes and gives it back when it is removed; but for the one
 * thing that the argument names, which is a finding: memory, buffer, page, registers, regions, enabled,
 * mapping, timer, hrtimer or work. Without an argument nothing is left.
 */
#include "network.h"

#include <linux/hrtimer.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#define PIECE 104 /* bytes */

struct piece {
    struct rcu_head rcu;
    u8 rest[PIECE - sizeof(struct rcu_head)];
};

struct adapter {
    struct timer_list timer;
    struct hrtimer hrtimer;
    struct work_struct work;
    struct pci_dev *pci;
    struct piece *memory;
    void *registers;
    struct sk_buff *buffer;
    struct page *page;
    dma_addr_t mapping;
};

static const char *forgotten = "";

static bool remembers(const char *what)
{
    return strcmp(forgotten, what) != 0;
}

static void timer_expired(struct timer_list *timer __always_unused) {}

static enum hrtimer_restart hrtimer_expired(struct hrtimer *timer __always_unused)
{
    return HRTIMER_NORESTART;
}

static void work_to_do(struct work_struct *work __always_unused) {}

/* Functions of their own, so that a stack names what is left. */
static noinline void take_memory(struct adapter *adapter)
{
    adapter->memory = kmalloc(sizeof(*adapter->memory), GFP_KERNEL);
    assert(adapter->memory);
}

static noinline void take_buffer(struct adapter *adapter)
{
    adapter->buffer = alloc_skb(PIECE, GFP_KERNEL);
    assert(adapter->buffer);
}

static noinline void take_page(struct adapter *adapter)
{
    adapter->page = alloc_page(GFP_KERNEL);
    assert(adapter->page);
}

static noinline void take_registers(struct adapter *adapter)
{
    adapter->registers = pci_ioremap_bar(adapter->pci, 1);
    assert(adapter->registers);
}

/* Of memory that stays: that it is freed would be told first. */
static noinline void take_mapping(struct adapter *adapter)
{
    static char table[PIECE];
    struct device *dev = &adapter->pci->dev;

    adapter->mapping = dma_map_single(dev, table, PIECE, DMA_TO_DEVICE);
    assert(dma_mapping_error(dev, adapter->mapping) == 0);
}

static int probe(struct pci_dev *pci, const struct pci_device_id *id __always_unused)
{
    struct net_device *dev = alloc_etherdev(sizeof(struct adapter));
    struct adapter *adapter = netdev_priv(dev);

    adapter->pci = pci;
    pci_set_drvdata(pci, dev);
    assert(pci_enable_device(pci) == 0 && pci_request_regions(pci, "leaks") == 0);
    take_memory(adapter);
    take_buffer(adapter);
    take_page(adapter);
    take_registers(adapter);
    take_mapping(adapter);
    timer_setup(&adapter->timer, timer_expired, 0);
    hrtimer_init(&adapter->hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
    adapter->hrtimer.function = hrtimer_expired;
    INIT_WORK(&adapter->work, work_to_do);
    return 0;
}

static void give_back_memory(struct adapter *adapter)
{
    if (remembers("mapping"))
        dma_unmap_single(&adapter->pci->dev, adapter->mapping, PIECE, DMA_TO_DEVICE);
    if (remembers("memory"))
        kfree_rcu(adapter->memory, rcu);
    rcu_barrier();
    if (remembers("buffer"))
        kfree_skb(adapter->buffer);
    if (remembers("page"))
        put_page(adapter->page);
    if (remembers("registers"))
        iounmap(adapter->registers);
}

static void leave(struct pci_dev *pci)
{
    struct net_device *dev = pci_get_drvdata(pci);
    struct adapter *adapter = netdev_priv(dev);

    give_back_memory(adapter);
    mod_timer(&adapter->timer, jiffies + HZ);
    hrtimer_start(&adapter->hrtimer, ms_to_ktime(1000), HRTIMER_MODE_REL);
    schedule_work(&adapter->work);
    if (remembers("timer"))
        del_timer_sync(&adapter->timer);
    if (remembers("hrtimer"))
        hrtimer_cancel(&adapter->hrtimer);
    if (remembers("work"))
        cancel_work_sync(&adapter->work);
    if (remembers("regions"))
        pci_release_regions(pci);
    if (remembers("enabled"))
        pci_disable_device(pci);
    free_netdev(dev);
}

int main(int argc, char **argv)
{
    static const struct pci_device_id ids[] = {{PCI_DEVICE(0x10ec, 0x8139)}, {0}};
    static struct pci_driver driver = {.name = "leaks", .id_table = ids, .probe = probe, .remove = leave};
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};

    if (argc > 1)
        forgotten = argv[1];
    machine_init();
    assert(nic_find_model("rtl8139")->create(&config));
    boot_linux();
    dde_linux_watch_memory();
    machine_boot_finished();
    for (int life = 0; life < 2; life++) {
        assert(pci_register_driver(&driver) == 0);
        pci_unregister_driver(&driver);
        assert(dde_linux_report_leaks() == 0);
    }
    return 0;
}
