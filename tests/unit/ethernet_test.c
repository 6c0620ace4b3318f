/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux devices as Mach devices, with a Linux device of this test's own: it keeps the frames that it is given
 * until the test lets them go. Every write is answered exactly once, whatever becomes of its frame.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <ddekit/printf.h>
#include <ddekit/timer.h>
#include <dde_linux/dde_linux.h>
#include <device/device_messages.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <mach.h>

#include <sys/types.h>
#include <pcap/bpf.h>

#include "harness/machine/machine.h"
#include "netdde-under-test/machdev/ethernet.h"
#include "netdde-under-test/machdev/machdev.h"

#define ANSWER_MS 2000 /* an answer that has not come by then does not come */
#define SILENCE_MS 30
#define QUEUE_LENGTH 2
#define HELD_MAX 16

static const u8 mac[ETH_ALEN] = {0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc};

/* --- The Linux device ------------------------------------------------------------------------------------
 */

static struct {
    struct net_device *dev;
    struct sk_buff *held[HELD_MAX]; /* frames that the driver has taken */
    unsigned count;
    bool stops;   /* the driver stops the queue with the next frame */
    bool refuses; /* the device cannot be opened */
} lazy;

static netdev_tx_t lazy_xmit(struct sk_buff *skb, struct net_device *dev)
{
    assert_true(lazy.count < HELD_MAX);
    lazy.held[lazy.count++] = skb;
    if (lazy.stops)
        netif_stop_queue(dev);
    return NETDEV_TX_OK;
}

static int lazy_open(struct net_device *dev)
{
    if (lazy.refuses)
        return -EIO;
    netif_start_queue(dev);
    return 0;
}

static const struct net_device_ops lazy_ops = {.ndo_start_xmit = lazy_xmit, .ndo_open = lazy_open};

/* The driver frees what it has, oldest first. */
static void let_go(void)
{
    for (unsigned i = 0; i < lazy.count; i++)
        kfree_skb(lazy.held[i]);
    lazy.count = 0;
}

static int power_on(void **state)
{
    (void)state;
    machine_init();
    ddekit_init();
    ddekit_init_timers();
    ddekit_print_to(-1);
    dde_linux_init();
    lazy.dev = alloc_etherdev(0);
    lazy.dev->netdev_ops = &lazy_ops;
    lazy.dev->tx_queue_len = QUEUE_LENGTH;
    eth_hw_addr_set(lazy.dev, mac);
    return register_netdev(lazy.dev);
}

/* --- The tests -------------------------------------------------------------------------------------------
 */

static mach_port_t replies;
static struct filter_report last_report;

void machdev_handed_out(const struct filter_report *report)
{
    last_report = *report;
}

static struct ethernet *open_device(void)
{
    struct ethernet *ethernet;

    lazy.stops = false;
    assert_int_equal(ethernet_open("eth0", &ethernet), D_SUCCESS);
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &replies), KERN_SUCCESS);
    assert_int_equal(mach_port_set_qlimit(mach_task_self(), replies, MACH_PORT_QLIMIT_MAX), KERN_SUCCESS);
    return ethernet;
}

static void close_device(struct ethernet *ethernet)
{
    ethernet_close(ethernet);
    assert_false(netif_running(lazy.dev));
    let_go();
    mach_port_destroy(mach_task_self(), replies);
}

static io_return_t write_frame(struct ethernet *ethernet, size_t count)
{
    static u8 frame[2 * ETH_FRAME_LEN];

    return ethernet_write(ethernet, frame, count, replies, MACH_MSG_TYPE_PORT_SEND_ONCE,
                          ds_device_write_reply);
}

static void assert_no_answer(void)
{
    device_write_reply_t reply;

    assert_int_equal(mach_msg(&reply.Head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof reply, replies,
                              SILENCE_MS, MACH_PORT_NULL),
                     MACH_RCV_TIMED_OUT);
}

static void assert_answer(io_return_t code, int bytes)
{
    device_write_reply_t reply;

    assert_int_equal(mach_msg(&reply.Head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof reply, replies,
                              ANSWER_MS, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    assert_int_equal(reply.RetCode, code);
    assert_int_equal(reply.bytes_written, bytes);
}

static void a_write_is_answered_when_the_driver_frees_its_buffer(void **state)
{
    struct ethernet *ethernet = open_device();

    (void)state;
    assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    assert_int_equal(write_frame(ethernet, ETH_FRAME_LEN), D_IO_QUEUED);
    assert_int_equal(lazy.count, 2);
    assert_no_answer();
    let_go();
    assert_answer(D_SUCCESS, 60);
    assert_answer(D_SUCCESS, ETH_FRAME_LEN);
    assert_no_answer();
    close_device(ethernet);
}

static void a_write_that_linux_drops_is_answered_once_with_an_error(void **state)
{
    struct ethernet *ethernet = open_device();

    (void)state;
    lazy.stops = true;
    for (unsigned i = 0; i < 1 + QUEUE_LENGTH; i++) /* the driver's, and a full queue */
        assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    assert_no_answer();
    assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    assert_answer(D_IO_ERROR, 0);
    assert_no_answer();
    close_device(ethernet);
}

static void closing_answers_what_is_queued(void **state)
{
    struct ethernet *ethernet = open_device();
    mach_port_t port = replies;

    (void)state;
    lazy.stops = true;
    for (unsigned i = 0; i < 1 + QUEUE_LENGTH; i++)
        assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    ethernet_close(ethernet);
    assert_answer(D_SUCCESS, 60);
    assert_answer(D_SUCCESS, 60);
    assert_no_answer(); /* the driver still has one */
    let_go();
    assert_answer(D_SUCCESS, 60);
    assert_no_answer();
    mach_port_destroy(mach_task_self(), port);
}

static void a_dead_reply_port_is_survived(void **state)
{
    struct ethernet *ethernet = open_device();

    (void)state;
    assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    mach_port_destroy(mach_task_self(), replies);
    let_go();
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &replies), KERN_SUCCESS);
    assert_int_equal(write_frame(ethernet, 60), D_IO_QUEUED);
    let_go();
    assert_answer(D_SUCCESS, 60);
    close_device(ethernet);
}

static void a_write_of_a_wrong_length_is_refused(void **state)
{
    struct ethernet *ethernet = open_device();
    u8 tagged[ETH_FRAME_LEN + VLAN_HLEN] = {[12] = 0x81};

    (void)state;
    assert_int_equal(write_frame(ethernet, 0), D_INVALID_SIZE);
    assert_int_equal(write_frame(ethernet, ETH_HLEN - 1), D_INVALID_SIZE);
    assert_int_equal(write_frame(ethernet, ETH_FRAME_LEN + 1), D_INVALID_SIZE);
    assert_int_equal(ethernet_write(ethernet, tagged, sizeof tagged, replies, MACH_MSG_TYPE_PORT_SEND_ONCE,
                                    ds_device_write_reply),
                     D_IO_QUEUED);
    rtnl_lock();
    dev_close(lazy.dev);
    rtnl_unlock();
    assert_int_equal(write_frame(ethernet, 60), D_DEVICE_DOWN);
    close_device(ethernet);
}

static void a_device_that_is_not_there_or_does_not_open(void **state)
{
    struct ethernet *ethernet;

    (void)state;
    assert_int_equal(ethernet_open("eth7", &ethernet), D_NO_SUCH_DEVICE);
    lazy.refuses = true;
    assert_int_equal(ethernet_open("eth0", &ethernet), D_IO_ERROR);
    lazy.refuses = false;
    close_device(open_device());
}

static void an_open_device_merges_no_frames(void **state)
{
    struct ethernet *ethernet;

    (void)state;
    rtnl_lock();
    lazy.dev->wanted_features |= NETIF_F_GRO;
    netdev_update_features(lazy.dev);
    rtnl_unlock();
    assert_true(lazy.dev->features & NETIF_F_GRO);
    ethernet = open_device();
    assert_false(lazy.dev->features & NETIF_F_GRO);
    close_device(ethernet);
}

static void the_status_is_the_devices(void **state)
{
    struct ethernet *ethernet = open_device();
    int status[NET_STATUS_COUNT], address[2], flags = IFF_ALLMULTI | IFF_PROMISC;
    struct net_status net_status;
    size_t count = NET_STATUS_COUNT;

    (void)state;
    assert_int_equal(ethernet_get_status(ethernet, NET_STATUS, status, &count), D_SUCCESS);
    assert_int_equal(count, NET_STATUS_COUNT);
    memcpy(&net_status, status, sizeof net_status);
    assert_int_equal(net_status.max_packet_size, ETH_FRAME_LEN);
    assert_int_equal(net_status.header_size, ETH_HLEN);
    assert_true(net_status.flags & IFF_UP);

    count = 2;
    assert_int_equal(ethernet_get_status(ethernet, NET_ADDRESS, address, &count), D_SUCCESS);
    for (unsigned i = 0; i < 2; i++)
        address[i] = (int)ntohl((uint32_t)address[i]);
    assert_memory_equal(address, mac, sizeof mac);
    count = 1;
    assert_int_equal(ethernet_get_status(ethernet, NET_ADDRESS, address, &count), D_INVALID_SIZE);
    assert_int_equal(ethernet_get_status(ethernet, NET_DSTADDR, address, &count), D_INVALID_OPERATION);

    assert_int_equal(ethernet_set_status(ethernet, NET_FLAGS, &flags, 1), D_SUCCESS);
    assert_int_equal(ethernet_get_status(ethernet, NET_FLAGS, &flags, &count), D_SUCCESS);
    assert_true(flags & IFF_ALLMULTI && flags & IFF_PROMISC && flags & IFF_UP);
    flags = 0; /* the device stays up */
    assert_int_equal(ethernet_set_status(ethernet, NET_FLAGS, &flags, 1), D_SUCCESS);
    assert_int_equal(ethernet_get_status(ethernet, NET_FLAGS, &flags, &count), D_SUCCESS);
    assert_true(flags & IFF_UP && !(flags & (IFF_ALLMULTI | IFF_PROMISC)));
    assert_int_equal(ethernet_set_status(ethernet, NET_FLAGS, &flags, 2), D_INVALID_SIZE);
    assert_int_equal(ethernet_set_status(ethernet, NET_STATUS, &flags, 1), D_INVALID_OPERATION);
    close_device(ethernet);
}

/* Linux receives a frame of that Ethernet type. */
static void receive_frame(u8 low_type_octet)
{
    struct sk_buff *skb = netdev_alloc_skb(lazy.dev, ETH_ZLEN);
    u8 *data = skb_put_zero(skb, ETH_ZLEN);

    memcpy(data, mac, ETH_ALEN);
    data[12] = 0x08;
    data[13] = low_type_octet;
    data[59] = 59;
    skb->protocol = eth_type_trans(skb, lazy.dev);
    assert_int_equal(netif_rx(skb), NET_RX_SUCCESS);
}

static void a_received_frame_goes_through_the_filters(void **state)
{
    struct ethernet *ethernet = open_device();
    union {
        struct bpf_insn instructions[5];
        filter_t words[20];
    } ipv4 = {.instructions = {{.code = NETF_BPF | NETF_IN},
                               {.code = BPF_LD | BPF_H | BPF_ABS, .k = 12},
                               {.code = BPF_JMP | BPF_JEQ | BPF_K, .k = 0x0800, .jt = 0, .jf = 1},
                               {.code = BPF_RET | BPF_K, .k = 0xffff},
                               {.code = BPF_RET | BPF_K, .k = 0}}};
    struct net_rcv_msg message;
    mach_port_t port;

    (void)state;
    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    assert_int_equal(mach_port_insert_right(mach_task_self(), port, port, MACH_MSG_TYPE_MAKE_SEND),
                     KERN_SUCCESS);
    assert_int_equal(ethernet_set_filter(ethernet, port, 0, ipv4.words, 20), D_SUCCESS);
    receive_frame(0x06); /* ARP: nobody's */
    receive_frame(0x00);
    assert_int_equal(mach_msg(&message.msg_hdr, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof message, port,
                              ANSWER_MS, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    assert_int_equal(message.net_rcv_msg_packet_count, sizeof(struct packet_header) + ETH_ZLEN - ETH_HLEN);
    assert_memory_equal(message.header, mac, ETH_ALEN);
    assert_int_equal(message.packet[sizeof(struct packet_header) + 59 - ETH_HLEN], 59);
    assert_int_equal(mach_msg(&message.msg_hdr, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof message, port,
                              SILENCE_MS, MACH_PORT_NULL),
                     MACH_RCV_TIMED_OUT);
    close_device(ethernet);
    mach_port_destroy(mach_task_self(), port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_answered_when_the_driver_frees_its_buffer),
        cmocka_unit_test(a_write_that_linux_drops_is_answered_once_with_an_error),
        cmocka_unit_test(closing_answers_what_is_queued),
        cmocka_unit_test(a_dead_reply_port_is_survived),
        cmocka_unit_test(a_write_of_a_wrong_length_is_refused),
        cmocka_unit_test(a_device_that_is_not_there_or_does_not_open),
        cmocka_unit_test(an_open_device_merges_no_frames),
        cmocka_unit_test(the_status_is_the_devices),
        cmocka_unit_test(a_received_frame_goes_through_the_filters),
    };

    return cmocka_run_group_tests_name("ethernet", tests, power_on, NULL);
}
