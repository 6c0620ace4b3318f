/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two cards on one level-triggered line, both under load: frames come in and go out on each at once. No
 * interrupt is lost, for then frames would stay in their card; there is no storm, for the line interrupts
 * no more often than the two have causes; and neither starves the other: all frames of both come up, in
 * order, and all that were sent are done with. Only the reset of a card by its driver may lose frames, and
 * interrupt more often: 8139too leaves reception unmasked for a while, with polling off.
 *
 * Takes the generation of semaphores, posix without; and the names of two cards, rtl8139 and 82540em without.
 */
#include "network.h"

#include "harness/machine/irq.h"

#define CARDS 2
#define LINE 11
#define SENT 12    /* frames, by each card */
#define BROUGHT 24 /* frames, to each card: they have room for so many */
#define LINGER_JIFFIES 20
#define NS_PER_S 1000000000u

/* Causes of interrupts beyond one for each frame: the link, and a driver's look at its card in each second.
 */
#define CAUSES_BESIDES 16

struct card {
    const struct nic_model *model;
    struct nic *nic;
    struct net_device *dev;
    struct job sender, bringer;
    int accepted; /* frames, by the card */
    int received; /* frames; by the softirq thread */
    int next;     /* the number of the next one, unless some are lost */
};

static struct card cards[CARDS];
static int freed; /* atomically */

static void count_freed(struct sk_buff *skb __always_unused)
{
    __atomic_fetch_add(&freed, 1, __ATOMIC_SEQ_CST);
}

/* A level that nobody is told of would be a lost interrupt. Drivers look after their cards from time to time,
 * so the frames alone would not show it. */
static void check_line(void)
{
    struct irq_line_state line = irq_line_state(LINE);

    assert(line.has_receiver && (line.masked || !line.high));
}

static int take_frame(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt __always_unused,
                      struct net_device *orig __always_unused)
{
    struct card *card = dev == cards[0].dev ? &cards[0] : &cards[1];

    assert(dev == card->dev && skb->len == ETH_ZLEN - ETH_HLEN && skb->data[0] == PAYLOAD_MARK);
    assert(skb->data[1] >= card->next);
    card->next = skb->data[1] + 1;
    card->received++;
    check_line();
    kfree_skb(skb);
    account_frame_delivered();
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_frame};

static int send_all(void *argument)
{
    struct card *card = argument;

    send_frames(card->dev, SENT, count_freed);
    return 0;
}

static int bring_all(void *argument)
{
    struct card *card = argument;
    u8 frame[ETH_ZLEN];

    for (int i = 0; i < BROUGHT; i++) {
        make_frame(frame, card->dev->dev_addr, (u8)i);
        card->accepted += card->model->receive(card->nic, frame, sizeof(frame)) == WIRE_ACCEPTED;
    }
    return 0;
}

static void plug_in(struct card *card, unsigned number)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, (u8)number},
                                .irq_line = LINE,
                                .pci_slot = NIC_DEFAULT_PCI_SLOT + number,
                                .wire = wire_create(NULL, NULL)};

    card->nic = card->model->create(&config);
    assert(card->nic);
    card->sender = (struct job){.function = send_all, .argument = card};
    card->bringer = (struct job){.function = bring_all, .argument = card};
}

static void find_device(struct card *card, unsigned number)
{
    char place[16], name[DDE_LINUX_INTERFACE_NAME_MAX];

    snprintf(place, sizeof(place), "0000:00:%02x.0", (NIC_DEFAULT_PCI_SLOT + number) & 0xff);
    assert(dde_linux_find_interface(place, name));
    card->dev = dev_get_by_name(&init_net, name);
    assert(card->dev);
    open_device(card->dev);
}

static void load(void)
{
    for (int i = 0; i < CARDS; i++) {
        start_job(&cards[i].sender, 2 * i);
        start_job(&cards[i].bringer, 2 * i + 1);
    }
    for (int i = 0; i < CARDS; i++) {
        finish_job(&cards[i].sender);
        finish_job(&cards[i].bringer);
    }
    account_wait_outstanding(0);
    for (int i = 0; i < LINGER_JIFFIES && __atomic_load_n(&freed, __ATOMIC_SEQ_CST) < CARDS * SENT; i++)
        schedule_timeout_uninterruptible(1);
}

int main(int argc, char **argv)
{
    unsigned long interrupts, causes = CARDS * (SENT + BROUGHT) + CAUSES_BESIDES;
    bool reset = false;
    u64 started;

    if (argc > 1 && ddekit_sync_select(argv[1]) != 0)
        return 2;
    machine_init();
    for (unsigned i = 0; i < CARDS; i++) {
        static const char *const usual[CARDS] = {"rtl8139", "82540em"};

        cards[i].model = nic_find_model(argc > 3 ? argv[2 + i] : usual[i]);
        if (!cards[i].model)
            return 2;
        plug_in(&cards[i], i);
    }
    boot_linux();
    assert(dde_linux_probe_drivers() == CARDS);
    for (unsigned i = 0; i < CARDS; i++)
        find_device(&cards[i], i);
    dev_add_pack(&tap);
    machine_boot_finished();

    interrupts = irq_line_state(LINE).delivered;
    started = machine_now_ns();
    load();
    check_line();
    interrupts = irq_line_state(LINE).delivered - interrupts;
    causes += CARDS * (machine_now_ns() - started) / NS_PER_S;
    for (unsigned i = 0; i < CARDS; i++) {
        int resets = count_timeouts(cards[i].dev);

        reset |= resets != 0; /* also when the driver does not count them */
        assert(cards[i].received <= cards[i].accepted);
        assert((cards[i].accepted == BROUGHT && cards[i].received == BROUGHT) || resets != 0);
        close_device(cards[i].dev);
        dev_put(cards[i].dev);
        printf("%s: %d of %d received, %d resets\n", cards[i].model->name, cards[i].received, BROUGHT,
               resets);
    }
    assert(interrupts <= causes || reset);
    dev_remove_pack(&tap);
    dde_linux_remove_drivers();
    assert(__atomic_load_n(&freed, __ATOMIC_SEQ_CST) == CARDS * SENT);
    printf("%lu interrupts\n", interrupts);
    return 0;
}
