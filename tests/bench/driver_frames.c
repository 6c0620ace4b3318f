/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many frames a second a driver carries: from the wire through the card's model, the driver and the Linux
 * environment to a packet tap, or from dev_queue_xmit to the wire. Prints frames and octets per second.
 *
 *   driver_frames DRIVER receive|transmit COUNT OCTETS WINDOW
 *
 * The wire takes no time. Never more than WINDOW frames are under way, see frames.h, so that a card with room
 * for them loses none; a frame that is lost, or arrives damaged or out of turn, ends it.
 */
#include <assert.h>
#include <stdio.h>

#include <ddekit/ddekit.h>
#include <ddekit/pci.h>
#include <ddekit/printf.h>
#include <ddekit/semaphore.h>
#include <ddekit/thread.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "harness/machine/machine.h"
#include "harness/nic/nic.h"
#include "harness/wire/account.h"
#include "tests/bench/frames.h"

#define LINK_MS 10
#define LINK_ROUNDS 500

static const uint8_t peer[ETH_ALEN] = {2, 0, 0, 0, 0, 1};

static struct frames frames;
static const struct nic_model *model;
static struct nic *nic;
static struct net_device *eth0;
static ddekit_sem_t *room;    /* upped when the sender may send another half of the window */
static unsigned long arrived; /* by one thread */

static void frame_arrived(const void *payload, size_t length)
{
    if (!frames_payload_is(&frames, payload, length, arrived)) {
        fprintf(stderr, "frame %lu has not arrived as it was sent\n", arrived);
        exit(1);
    }
    if (++arrived % (frames.window / 2) == 0 || arrived == frames.count)
        ddekit_sem_up(room);
}

static int take_frame(struct sk_buff *skb, struct net_device *dev __always_unused,
                      struct packet_type *tap __always_unused, struct net_device *origin __always_unused)
{
    u8 copy[FRAME_MAX]; /* of a frame in pieces */

    if (skb_is_nonlinear(skb))
        skb_copy_bits(skb, 0, copy, (int)skb->len);
    frame_arrived(skb_is_nonlinear(skb) ? copy : skb->data, skb->len);
    account_frame_delivered();
    kfree_skb(skb);
    return NET_RX_SUCCESS;
}

static struct packet_type tap = {.type = htons(ETH_P_ALL), .func = take_frame};

static void frame_left(void *opaque __always_unused, uint64_t number __always_unused, const uint8_t *frame,
                       size_t length)
{
    frame_arrived(frame + FRAME_HEADER, length - FRAME_HEADER);
}

static void bring(void)
{
    if (model->receive(nic, frames.frame, frames.octets) != WIRE_ACCEPTED) {
        fprintf(stderr, "the card has not taken a frame\n");
        exit(1);
    }
}

static void transmit(void)
{
    struct sk_buff *skb = alloc_skb((unsigned int)frames.octets, GFP_KERNEL);

    skb_put_data(skb, frames.frame, (unsigned int)frames.octets);
    skb->dev = eth0;
    dev_queue_xmit(skb);
}

/* Returns the seconds from the first frame to the last. */
static double carry(void (*send)(void))
{
    unsigned half = frames.window / 2;
    double begin;

    ddekit_sem_up(room);
    ddekit_sem_up(room);
    begin = frames_clock();
    for (unsigned long i = 0; i < frames.count; i++) {
        if (i % half == 0)
            ddekit_sem_down(room);
        frames_number(&frames, i);
        send();
    }
    while (__atomic_load_n(&arrived, __ATOMIC_SEQ_CST) < frames.count)
        ddekit_sem_down(room);
    return frames_clock() - begin;
}

static void boot(void)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}};

    machine_init();
    config.wire = wire_create(NULL, NULL);
    wire_on_transmitted(config.wire, frame_left, NULL);
    nic = model->create(&config);
    ddekit_init();
    ddekit_init_timers();
    ddekit_pci_init();
    ddekit_print_to(-1);
    dde_linux_init();
    assert(dde_linux_probe_drivers() == 1);
    eth0 = dev_get_by_name(&init_net, "eth0");
    assert(eth0);
    dev_add_pack(&tap);
    rtnl_lock();
    assert(dev_open(eth0, NULL) == 0);
    rtnl_unlock();
    for (int i = 0; i < LINK_ROUNDS && !(dev_get_flags(eth0) & IFF_RUNNING); i++)
        ddekit_thread_msleep(LINK_MS);
    room = ddekit_sem_init(0);
}

int main(int argc, char **argv)
{
    bool receive;
    double seconds;

    if (argc != 6 || frames_parse(&frames, argv + 3) || !(model = nic_find_driver(argv[1]))) {
        fprintf(stderr, "usage: driver_frames DRIVER receive|transmit COUNT OCTETS WINDOW\n");
        return 2;
    }
    receive = strcmp(argv[2], "receive") == 0;
    boot();
    frames_address(&frames, receive ? eth0->dev_addr : peer, receive ? peer : eth0->dev_addr);
    seconds = carry(receive ? bring : transmit);
    frames_tell(&frames, seconds);
    return 0;
}
