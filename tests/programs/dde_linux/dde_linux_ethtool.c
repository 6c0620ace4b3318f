/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What users ask drivers by ethtool, and tell them, while frames go both ways: who they are, the link,
 * registers, EEPROM, rings, channels, coalescing, pause frames, messages; and to negotiate the link again.
 * And netpoll, by which a kernel without interrupts gets at its frames.
 *
 * Takes the generation of semaphores, posix without; and the card, rtl8139 without.
 */
#include "one_card.h"

#include <linux/irq.h>
#include <linux/pci.h>

#define SENT 10
#define BROUGHT 10
#define EEPROM_MAC 0 /* where the address is, in cards that have an EEPROM that ethtool shows */
#define SETTLE_JIFFIES 20
#define VIRTIO_SPEED SPEED_1000

static const struct facts {
    const char *card;
    u32 speed;
    unsigned int pairs; /* of queues; 0: it can have no more than 1 */
    bool registers, eeprom, rings, coalescing, pauses, negotiates, polls;
} facts[] = {
    {.card = "rtl8139", .speed = SPEED_100, .registers = true, .negotiates = true, .polls = true},
    {.card = "82540em",
     .speed = SPEED_1000,
     .registers = true,
     .eeprom = true,
     .rings = true,
     .pauses = true,
     .negotiates = true,
     .polls = true},
    {.card = "82559",
     .speed = SPEED_100,
     .registers = true,
     .eeprom = true,
     .rings = true,
     .negotiates = true,
     .polls = true},
    {.card = "virtio-net", .speed = VIRTIO_SPEED, .pairs = 2, .rings = true, .coalescing = true},
    /* Only a device of virtio 1.2 resets a queue, for another size. */
    {.card = "virtio-net-legacy", .speed = VIRTIO_SPEED, .coalescing = true},
};

static const struct facts *card;

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

/* --- Questions. All under rtnl. --------------------------------------------------------------------------
 */

static void who_are_you(void)
{
    struct ethtool_drvinfo info = {0};

    eth0->ethtool_ops->get_drvinfo(eth0, &info);
    assert(strcmp(info.driver, model->driver) == 0);
    assert(strcmp(info.bus_info, "0000:00:03.0") == 0);
}

static void how_is_the_link(void)
{
    struct ethtool_link_ksettings settings;

    assert(__ethtool_get_link_ksettings(eth0, &settings) == 0);
    /* Drivers ask the card, which may know better than the link watch by now. */
    assert(eth0->ethtool_ops->get_link(eth0) <= 1);
    assert(settings.base.speed == card->speed || settings.base.speed == (u32)SPEED_UNKNOWN);
}

static void what_do_the_registers_say(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_regs regs = {0};
    u8 *values;

    assert(card->registers == (ops->get_regs != NULL));
    if (!card->registers)
        return;
    regs.len = (u32)ops->get_regs_len(eth0);
    values = kzalloc(regs.len, GFP_KERNEL);
    assert(values);
    ops->get_regs(eth0, &regs, values);
    if (strcmp(card->card, "rtl8139") == 0)
        assert(memcmp(values, eth0->dev_addr, ETH_ALEN) == 0); /* IDR0 to IDR5 */
    kfree(values);
}

static void what_does_the_eeprom_say(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_eeprom where = {.offset = EEPROM_MAC, .len = ETH_ALEN};
    u8 address[ETH_ALEN];

    assert(card->eeprom == (ops->get_eeprom != NULL));
    if (!card->eeprom)
        return;
    assert(ops->get_eeprom_len(eth0) >= ETH_ALEN);
    assert(ops->get_eeprom(eth0, &where, address) == 0);
    /* e1000 reads it bit by bit, and a reset of the card in between spoils that. */
    assert(memcmp(address, eth0->dev_addr, ETH_ALEN) == 0 || count_timeouts(eth0) > 0);
}

/* --- Orders. Likewise. -----------------------------------------------------------------------------------
 */

static void change_the_rings(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_ringparam before = {0}, wanted, now = {0};

    if (!ops->set_ringparam) {
        assert(!card->rings);
        return;
    }
    ops->get_ringparam(eth0, &before, NULL, NULL);
    wanted = before;
    wanted.rx_pending = before.rx_pending / 2;
    wanted.tx_pending = before.tx_pending / 2;
    assert(card->rings == (ops->set_ringparam(eth0, &wanted, NULL, NULL) == 0));
    if (!card->rings)
        return;
    ops->get_ringparam(eth0, &now, NULL, NULL);
    assert(now.rx_pending == wanted.rx_pending && now.tx_pending == wanted.tx_pending);
    assert(ops->set_ringparam(eth0, &before, NULL, NULL) == 0);
}

static void change_the_coalescing(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_coalesce coalesce = {.cmd = ETHTOOL_GCOALESCE}, now = {.cmd = ETHTOOL_GCOALESCE};

    /* e1000 has it for later chips than this. */
    assert(card->coalescing == (ops->get_coalesce && ops->get_coalesce(eth0, &coalesce, NULL, NULL) == 0));
    if (!card->coalescing)
        return;
    assert(ops->set_coalesce(eth0, &coalesce, NULL, NULL) == 0);
    assert(ops->get_coalesce(eth0, &now, NULL, NULL) == 0);
    assert(now.rx_coalesce_usecs == coalesce.rx_coalesce_usecs);
    assert(now.tx_max_coalesced_frames == coalesce.tx_max_coalesced_frames);
}

static void change_the_channels(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_channels channels;

    if (!card->pairs)
        return;
    ops->get_channels(eth0, &channels);
    assert(channels.max_combined == card->pairs && channels.combined_count == card->pairs);
    channels.combined_count = card->pairs + 1;
    assert(ops->set_channels(eth0, &channels) == -EINVAL);
    channels.combined_count = 1;
    assert(ops->set_channels(eth0, &channels) == 0);
    assert(eth0->real_num_tx_queues == 1 && eth0->real_num_rx_queues == 1);
    channels.combined_count = card->pairs;
    assert(ops->set_channels(eth0, &channels) == 0);
    assert(eth0->real_num_tx_queues == card->pairs);
}

static void pause_no_more(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    struct ethtool_pauseparam pause = {.autoneg = AUTONEG_ENABLE}, now = {0};

    assert(card->pauses == (ops->set_pauseparam != NULL));
    if (!card->pauses)
        return;
    assert(ops->set_pauseparam(eth0, &pause) == 0);
    ops->get_pauseparam(eth0, &now);
    assert(now.autoneg == AUTONEG_ENABLE);
}

static void tell_more(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;
    u32 level;

    if (!ops->get_msglevel)
        return;
    level = ops->get_msglevel(eth0);
    ops->set_msglevel(eth0, level | NETIF_MSG_RX_ERR);
    assert(ops->get_msglevel(eth0) == (level | NETIF_MSG_RX_ERR));
    ops->set_msglevel(eth0, level);
}

static void negotiate_again(void)
{
    const struct ethtool_ops *ops = eth0->ethtool_ops;

    assert(card->negotiates == (ops->nway_reset != NULL));
    if (card->negotiates)
        assert(ops->nway_reset(eth0) == 0);
}

static void ask_and_order(void)
{
    static void (*const all[])(void) = {
        who_are_you,
        how_is_the_link,
        what_do_the_registers_say,
        what_does_the_eeprom_say,
        tell_more,
        change_the_coalescing,
        pause_no_more,
        change_the_rings,
        change_the_channels,
        negotiate_again,
    };

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        rtnl_lock();
        all[i]();
        rtnl_unlock();
    }
}

/* --- Netpoll ---------------------------------------------------------------------------------------------
 */

/* Unless the driver has freed the interrupt and requested it anew, to reset the card: then it is on again.
 * Under rtnl no driver is about to. */
static void turn_on(unsigned int irq)
{
    rtnl_lock();
    if (irqd_irq_disabled(irq_get_irq_data(irq)))
        enable_irq(irq);
    rtnl_unlock();
}

/* The line is off, as it is for all in a kernel that has crashed: a frame comes up all the same. */
static bool poll_for_a_frame(void)
{
    unsigned int irq = (unsigned int)to_pci_dev(eth0->dev.parent)->irq;
    int before = count_received();

    assert(card->polls == (eth0->netdev_ops->ndo_poll_controller != NULL));
    if (!card->polls)
        return true;
    disable_irq(irq);
    bring_frames(eth0->dev_addr, 1);
    for (int i = 0; i < SETTLE_JIFFIES && count_received() == before; i++) {
        local_irq_disable();
        eth0->netdev_ops->ndo_poll_controller(eth0);
        local_irq_enable();
        schedule_timeout_uninterruptible(1);
    }
    turn_on(irq);
    return count_received() > before;
}

static bool choose(const char *name)
{
    model = nic_find_model(name);
    for (size_t i = 0; model && i < ARRAY_SIZE(facts); i++) {
        if (strcmp(facts[i].card, name) == 0)
            card = &facts[i];
    }
    return card != NULL;
}

int main(int argc, char **argv)
{
    struct job jobs[] = {{.function = send_all}, {.function = bring_all}};
    bool polled;

    if ((argc > 1 && ddekit_sync_select(argv[1]) != 0) || !choose(argc > 2 ? argv[2] : "rtl8139"))
        return 2;
    boot_with_card(max(card->pairs, 1u));
    eth0 = probe_device();
    dev_add_pack(&tap);
    machine_boot_finished();
    open_device(eth0);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        start_job(&jobs[i], (int)i);
    ask_and_order();
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        finish_job(&jobs[i]);
    await_running(eth0);
    polled = poll_for_a_frame();
    close_device(eth0);
    dev_remove_pack(&tap);
    dev_put(eth0);
    dde_linux_remove_drivers();
    assert(freed == SENT);
    printf("%d sent, %d received%s\n", freed, received, polled ? "" : ", none by polling");
    return 0;
}
