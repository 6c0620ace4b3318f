/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux network devices as Mach devices: see ethernet.h.
 *
 * A write is answered when two things have happened, in whichever order: dev_queue_xmit has returned with its
 * verdict, and the buffer has been freed. Whoever comes second sends the answer, so there is exactly one, and
 * it is never sent while the transmit path is still at work on the frame.
 */
#include "netdde-under-test/machdev/ethernet.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <linux/etherdevice.h>
#include <linux/if.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>

#include "netdde-under-test/machdev/filter.h"
#include "netdde-under-test/machdev/machdev.h"

#define SETTABLE_FLAGS (IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST)

struct ethernet {
    struct net_device *dev; /* with a reference */
    struct filter_list *filters;
    struct packet_type tap; /* brings received frames; tap.af_packet_priv is this struct */
};

/* A write that is not answered yet. */
struct write {
    mach_port_t reply_port;
    mach_msg_type_name_t reply_type;
    write_answer answer;
    int count;          /* octets */
    io_return_t result; /* dev_queue_xmit's verdict, written by the submitter before it counts down */
    atomic_int missing; /* of the two things */
};

/* One of the two things has happened. */
static void write_step(struct write *write)
{
    if (atomic_fetch_sub(&write->missing, 1) != 1)
        return;
    write->answer(write->reply_port, write->reply_type, write->result,
                  write->result == D_SUCCESS ? write->count : 0);
    free(write);
}

/* The buffer's destructor. */
static void buffer_freed(struct sk_buff *skb)
{
    write_step(skb_shinfo(skb)->destructor_arg);
}

/* A buffer with the frame; NULL without memory. */
static struct sk_buff *new_buffer(struct net_device *dev, const void *data, unsigned int count)
{
    struct sk_buff *skb = alloc_skb(count + dev->needed_headroom + dev->needed_tailroom, GFP_KERNEL);

    if (!skb)
        return NULL;
    skb_reserve(skb, dev->needed_headroom);
    skb_put_data(skb, data, count);
    skb_reset_mac_header(skb);
    skb->dev = dev;
    skb->protocol = ((const struct ethhdr *)skb->data)->h_proto;
    return skb;
}

/* Octets that a frame which begins like this one may have; an IEEE 802.1Q tag is not part of the MTU. */
static size_t longest_frame(const struct net_device *dev, const void *frame)
{
    const struct ethhdr *header = frame;

    return dev->mtu + ETH_HLEN + (header->h_proto == htons(ETH_P_8021Q) ? VLAN_HLEN : 0);
}

/* Clients that listen to what is sent get the frame that Linux has taken. */
static void show_sent(struct ethernet *ethernet, const void *data, size_t count)
{
    if (!filter_list_wants(ethernet->filters, NETF_OUT))
        return;
    struct filter_report report = filter_list_deliver(ethernet->filters, NETF_OUT, data, count);
    machdev_handed_out(&report);
}

io_return_t ethernet_write(struct ethernet *ethernet, const void *data, size_t count, mach_port_t reply_port,
                           mach_msg_type_name_t reply_type, write_answer answer)
{
    struct net_device *dev = ethernet->dev;

    if (count < ETH_HLEN || count > longest_frame(dev, data))
        return D_INVALID_SIZE;
    if (!netif_running(dev))
        return D_DEVICE_DOWN;
    struct write *write = malloc(sizeof *write);
    struct sk_buff *skb = new_buffer(dev, data, (unsigned int)count);
    if (!write || !skb) {
        free(write);
        if (skb)
            kfree_skb(skb);
        return D_NO_MEMORY;
    }
    *write = (struct write){reply_port, reply_type, answer, (int)count, D_SUCCESS, 2};
    skb->destructor = buffer_freed;
    skb_shinfo(skb)->destructor_arg = write;

    int verdict = dev_queue_xmit(skb);
    if (verdict != NET_XMIT_SUCCESS && verdict != NET_XMIT_CN)
        write->result = D_IO_ERROR;
    else
        show_sent(ethernet, data, count);
    write_step(write);
    return D_IO_QUEUED;
}

/* A copy of the frame as it was on the wire, in one piece: what the device took out of it goes back in. Its
 * data begins with the Ethernet header. NULL without memory. */
static struct sk_buff *whole_copy(const struct sk_buff *skb)
{
    struct sk_buff *copy = skb_copy(skb, GFP_ATOMIC);

    if (!copy)
        return NULL;
    skb_push(copy, (unsigned int)(copy->data - skb_mac_header(copy)));
    return skb_vlan_tag_present(copy) ? __vlan_hwaccel_push_inside(copy) : copy;
}

static struct filter_report deliver(struct ethernet *ethernet, const struct sk_buff *skb)
{
    const unsigned char *frame = skb_mac_header(skb);

    return filter_list_deliver(ethernet->filters, NETF_IN, frame, (size_t)(skb_tail_pointer(skb) - frame));
}

/* Others may have the buffer, too: it stays as it is. */
static struct filter_report deliver_whole(struct ethernet *ethernet, const struct sk_buff *skb)
{
    struct sk_buff *copy;

    if (!skb_vlan_tag_present(skb) && !skb_is_nonlinear(skb))
        return deliver(ethernet, skb);
    copy = whole_copy(skb);
    if (!copy)
        return (struct filter_report){.direction = NETF_IN, .others = FILTER_NO_ROOM};
    struct filter_report report = deliver(ethernet, copy);
    kfree_skb(copy);
    return report;
}

/* The tap: Linux has received a frame. */
static int receive(struct sk_buff *skb, struct net_device *dev, struct packet_type *tap,
                   struct net_device *origin)
{
    struct ethernet *ethernet = tap->af_packet_priv;

    (void)dev;
    (void)origin;
    struct filter_report report = deliver_whole(ethernet, skb);
    machdev_handed_out(&report);
    kfree_skb(skb);
    return 0;
}

/* A client takes frames as they were on the wire, of one MTU at most: what Linux merges would have to be cut
 * again for it. */
static void want_single_frames(struct net_device *dev)
{
    dev->wanted_features &= ~NETIF_F_GRO;
    netdev_update_features(dev);
}

static int bring_up(struct net_device *dev)
{
    rtnl_lock();
    want_single_frames(dev);
    int error = netif_running(dev) ? 0 : dev_open(dev, NULL);
    rtnl_unlock();
    return error;
}

io_return_t ethernet_open(const char *name, struct ethernet **opened)
{
    struct net_device *dev = dev_get_by_name(&init_net, name);

    if (!dev)
        return D_NO_SUCH_DEVICE;
    struct ethernet *ethernet = calloc(1, sizeof *ethernet);
    struct filter_list *filters = filter_list_new();
    bool memory = ethernet && filters;
    if (!memory || bring_up(dev) != 0) {
        if (filters)
            filter_list_free(filters);
        free(ethernet);
        dev_put(dev);
        return memory ? D_IO_ERROR : D_NO_MEMORY;
    }
    ethernet->dev = dev;
    ethernet->filters = filters;
    ethernet->tap = (struct packet_type){
        .type = htons(ETH_P_ALL), .dev = dev, .func = receive, .af_packet_priv = ethernet};
    dev_add_pack(&ethernet->tap);
    *opened = ethernet;
    return D_SUCCESS;
}

void ethernet_close(struct ethernet *ethernet)
{
    filter_list_clear(ethernet->filters);
    rtnl_lock();
    dev_close(ethernet->dev);
    rtnl_unlock();
    dev_remove_pack(&ethernet->tap);
    dev_put(ethernet->dev);
    filter_list_free(ethernet->filters);
    free(ethernet);
}

static size_t get_net_status(const struct net_device *dev, int *status)
{
    struct net_status net_status = {
        .min_packet_size = ETH_HLEN, /* Linux or the card fills up what is too short for the wire */
        .max_packet_size = (int)dev->mtu + ETH_HLEN,
        .header_format = HDR_ETHERNET,
        .header_size = ETH_HLEN,
        .address_size = ETH_ALEN,
        .flags = (int)dev_get_flags(dev),
    };

    memcpy(status, &net_status, sizeof net_status);
    return NET_STATUS_COUNT;
}

/* The address fills whole integers, each in network byte order. */
#define NET_ADDRESS_COUNT ((ETH_ALEN + sizeof(int) - 1) / sizeof(int))

static size_t get_net_address(const struct net_device *dev, int *status)
{
    int address[NET_ADDRESS_COUNT] = {0};

    memcpy(address, dev->dev_addr, ETH_ALEN);
    for (size_t i = 0; i < NET_ADDRESS_COUNT; i++)
        status[i] = (int)htonl((uint32_t)address[i]);
    return NET_ADDRESS_COUNT;
}

static size_t get_net_flags(const struct net_device *dev, int *status)
{
    status[0] = (int)dev_get_flags(dev);
    return 1;
}

io_return_t ethernet_get_status(struct ethernet *ethernet, dev_flavor_t flavor, int *status, size_t *count)
{
    static const struct {
        dev_flavor_t flavor;
        size_t integers;
        size_t (*get)(const struct net_device *dev, int *status);
    } flavors[] = {
        {NET_STATUS, NET_STATUS_COUNT, get_net_status},
        {NET_ADDRESS, NET_ADDRESS_COUNT, get_net_address},
        {NET_FLAGS, 1, get_net_flags},
    };

    for (size_t i = 0; i < sizeof flavors / sizeof flavors[0]; i++) {
        if (flavors[i].flavor != flavor)
            continue;
        if (*count < flavors[i].integers)
            return D_INVALID_SIZE;
        *count = flavors[i].get(ethernet->dev, status);
        return D_SUCCESS;
    }
    return D_INVALID_OPERATION;
}

io_return_t ethernet_set_status(struct ethernet *ethernet, dev_flavor_t flavor, const int *status,
                                size_t count)
{
    struct net_device *dev = ethernet->dev;

    if (flavor != NET_FLAGS)
        return D_INVALID_OPERATION;
    if (count != 1)
        return D_INVALID_SIZE;
    unsigned int wanted = (unsigned int)status[0] & SETTABLE_FLAGS;
    rtnl_lock();
    int error = dev_change_flags(dev, (dev_get_flags(dev) & ~SETTABLE_FLAGS) | wanted, NULL);
    rtnl_unlock();
    return error ? D_IO_ERROR : D_SUCCESS;
}

void ethernet_forget_client(struct ethernet *ethernet, mach_port_t port)
{
    filter_list_forget(ethernet->filters, port);
}

io_return_t ethernet_set_filter(struct ethernet *ethernet, mach_port_t deliver_to, int priority,
                                const filter_t *words, size_t count)
{
    return filter_list_set(ethernet->filters, deliver_to, priority, words, count);
}
