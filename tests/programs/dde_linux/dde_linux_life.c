/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of a driver, several times over, with traffic all the while: it finds its card, is opened, put to
 * sleep and woken up, and removed, while one thread sends and another brings frames. As in Linux, threads
 * that send are frozen before devices are put to sleep; what they have sent by then is still under way. After
 * each life nothing of it is left: every buffer was freed, once; no mapping at the IOMMU, no memory, no
 * region, no vector. The next one begins as the first did.
 *
 * Takes the generation of semaphores, posix without; the driver or the card, 8139too without; and how many
 * pairs of queues the card has, one without.
 */
#include <stdlib.h>

#include "one_card.h"

#define LIVES 3
#define SENT 10    /* frames, before the sleep and after it */
#define BROUGHT 10 /* frames, likewise */

static DEFINE_MUTEX(freezer); /* held by who sends: while the system sleeps nobody does */
static int awake;             /* frames received after a sleep */

/* The device stays while this thread has its reference. */
static int send_all(void *unused __always_unused)
{
    for (int i = 0; i < 2; i++) {
        mutex_lock(&freezer);
        send_frames(eth0, SENT, count_freed);
        mutex_unlock(&freezer);
        schedule_timeout_uninterruptible(1);
    }
    dev_put(eth0);
    return 0;
}

static int bring_all(void *address)
{
    bring_frames(address, BROUGHT);
    schedule_timeout_uninterruptible(1);
    bring_frames(address, BROUGHT);
    return 0;
}

static void sleep_and_wake(void)
{
    mutex_lock(&freezer);
    assert(dde_linux_suspend(1) == 0);
    mutex_unlock(&freezer);
}

/* After a sleep the link comes back, and frames pass again; unless time jumps past all that. Returns how many
 * did. */
static int pass_again(void)
{
    int before;

    await_running(eth0);
    before = count_received();
    for (int i = 0; i < LINK_JIFFIES && count_received() == before; i++) {
        bring_frames(eth0->dev_addr, 1);
        schedule_timeout_uninterruptible(1);
    }
    return count_received() - before;
}

static void live(int life)
{
    static u8 address[ETH_ALEN]; /* the device's; it may be gone while frames still come */
    struct job jobs[] = {{.function = send_all}, {.function = bring_all, .argument = address}};
    int freed_before = __atomic_load_n(&freed, __ATOMIC_SEQ_CST);

    eth0 = probe_device();
    memcpy(address, eth0->dev_addr, ETH_ALEN);
    open_device(eth0);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        start_job(&jobs[i], (int)i);
    if (life > 0)
        schedule_timeout_uninterruptible(1);
    if (life == 1) {
        sleep_and_wake();
        awake += pass_again();
    }
    dde_linux_remove_drivers();
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        finish_job(&jobs[i]);
    assert(__atomic_load_n(&freed, __ATOMIC_SEQ_CST) == freed_before + 2 * SENT);
}

static void check_nothing_left(void)
{
    struct dma_device *dma = pci_function_dma(pci_function_find(0, NIC_DEFAULT_PCI_SLOT, 0));

    assert(dma_mapping_count(dma) == 0);
    assert(dde_linux_report_leaks() == 0);
}

int main(int argc, char **argv)
{
    const char *card = argc > 2 ? argv[2] : "8139too";

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    model = nic_find_model(card) ? nic_find_model(card) : nic_find_driver(card);
    if (!model)
        return 2;
    boot_with_card(argc > 3 ? (unsigned int)atoi(argv[3]) : 1);
    dev_add_pack(&tap);
    dde_linux_watch_memory();
    machine_boot_finished();
    for (int life = 0; life < LIVES; life++) {
        live(life);
        check_nothing_left();
    }
    printf("%d lives, %d frames sent, %d received, %d after a sleep\n", LIVES, freed, received, awake);
    return 0;
}
