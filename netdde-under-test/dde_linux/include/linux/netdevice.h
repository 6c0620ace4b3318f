/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/netdevice.h>: network devices, NAPI, the transmit queue and packet taps.
 *
 * Differences from Linux:
 * - each transmit queue has a pfifo of tx_queue_len frames; which CPU uses which queue is not asked, as each
 *   thread is a CPU of its own: a frame goes by its flow;
 * - netif_tx_lock holds the locks of all queues (Linux marks them as frozen);
 * - one softnet_data, shared by all threads, whose lists have locks (Linux has one per CPU and disables
 *   interrupts around them);
 * - packet taps see received frames only;
 * - the transmit watchdog's timer runs only while frames are being sent or the queue is stopped, so that an
 *   idle system is quiet.
 * Left out: namespaces (there is init_net only), notifiers, XDP, traffic control.
 *
 * Received frames are delivered in the softirq thread.
 */
#ifndef DDE_LINUX_NETDEVICE_H
#define DDE_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/netdev_features.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <linux/sockios.h>
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <asm/processor.h>

struct net;
struct netlink_ext_ack;
struct Qdisc;
struct bpf_prog;
struct ethtool_ops;
struct header_ops;

extern struct net init_net;

/* What a transmit function answers. */
enum netdev_tx {
    NETDEV_TX_OK = 0x00,   /* the driver has the buffer */
    NETDEV_TX_BUSY = 0x10, /* it has not; try again later */
};
typedef enum netdev_tx netdev_tx_t;

/* What dev_queue_xmit and netif_rx answer. The buffer is gone in any case. */
#define NET_XMIT_SUCCESS 0x00
#define NET_XMIT_DROP 0x01
#define NET_XMIT_CN 0x02
#define NET_RX_SUCCESS 0
#define NET_RX_DROP 1

#define NET_NAME_UNKNOWN 0
#define NET_NAME_ENUM 1
#define DEFAULT_TX_QUEUE_LEN 1000
#define NAPI_POLL_WEIGHT 64

/* msg_enable bits; drivers test them through netif_msg_*(). */
enum {
    NETIF_MSG_DRV = 0x0001,
    NETIF_MSG_PROBE = 0x0002,
    NETIF_MSG_LINK = 0x0004,
    NETIF_MSG_TIMER = 0x0008,
    NETIF_MSG_IFDOWN = 0x0010,
    NETIF_MSG_IFUP = 0x0020,
    NETIF_MSG_RX_ERR = 0x0040,
    NETIF_MSG_TX_ERR = 0x0080,
    NETIF_MSG_TX_QUEUED = 0x0100,
    NETIF_MSG_INTR = 0x0200,
    NETIF_MSG_TX_DONE = 0x0400,
    NETIF_MSG_RX_STATUS = 0x0800,
    NETIF_MSG_PKTDATA = 0x1000,
    NETIF_MSG_HW = 0x2000,
    NETIF_MSG_WOL = 0x4000,
};

#define netif_msg_drv(p) ((p)->msg_enable & NETIF_MSG_DRV)
#define netif_msg_probe(p) ((p)->msg_enable & NETIF_MSG_PROBE)
#define netif_msg_link(p) ((p)->msg_enable & NETIF_MSG_LINK)
#define netif_msg_timer(p) ((p)->msg_enable & NETIF_MSG_TIMER)
#define netif_msg_ifdown(p) ((p)->msg_enable & NETIF_MSG_IFDOWN)
#define netif_msg_ifup(p) ((p)->msg_enable & NETIF_MSG_IFUP)
#define netif_msg_rx_err(p) ((p)->msg_enable & NETIF_MSG_RX_ERR)
#define netif_msg_tx_err(p) ((p)->msg_enable & NETIF_MSG_TX_ERR)
#define netif_msg_tx_queued(p) ((p)->msg_enable & NETIF_MSG_TX_QUEUED)
#define netif_msg_intr(p) ((p)->msg_enable & NETIF_MSG_INTR)
#define netif_msg_tx_done(p) ((p)->msg_enable & NETIF_MSG_TX_DONE)
#define netif_msg_rx_status(p) ((p)->msg_enable & NETIF_MSG_RX_STATUS)
#define netif_msg_pktdata(p) ((p)->msg_enable & NETIF_MSG_PKTDATA)
#define netif_msg_hw(p) ((p)->msg_enable & NETIF_MSG_HW)
#define netif_msg_wol(p) ((p)->msg_enable & NETIF_MSG_WOL)

static inline u32 netif_msg_init(int debug_value, int default_bits)
{
    if (debug_value < 0 || debug_value >= 32)
        return (u32)default_bits;
    return debug_value == 0 ? 0 : (1U << debug_value) - 1;
}

struct net_device_stats {
    unsigned long rx_packets;
    unsigned long tx_packets;
    unsigned long rx_bytes;
    unsigned long tx_bytes;
    unsigned long rx_errors;
    unsigned long tx_errors;
    unsigned long rx_dropped;
    unsigned long tx_dropped;
    unsigned long multicast;
    unsigned long collisions;
    unsigned long rx_length_errors;
    unsigned long rx_over_errors;
    unsigned long rx_crc_errors;
    unsigned long rx_frame_errors;
    unsigned long rx_fifo_errors;
    unsigned long rx_missed_errors;
    unsigned long tx_aborted_errors;
    unsigned long tx_carrier_errors;
    unsigned long tx_fifo_errors;
    unsigned long tx_heartbeat_errors;
    unsigned long tx_window_errors;
    unsigned long rx_compressed;
    unsigned long tx_compressed;
};

struct netdev_hw_addr {
    struct list_head list;
    unsigned char addr[MAX_ADDR_LEN];
    int refcount;
};

struct netdev_hw_addr_list {
    struct list_head list;
    int count;
};

#define netdev_mc_count(dev) ((dev)->mc.count)
#define netdev_mc_empty(dev) ((dev)->mc.count == 0)
#define netdev_uc_count(dev) ((dev)->uc.count)
#define netdev_for_each_mc_addr(ha, dev) list_for_each_entry(ha, &(dev)->mc.list, list)
#define netdev_for_each_uc_addr(ha, dev) list_for_each_entry(ha, &(dev)->uc.list, list)

#define DEV_STATS_INC(dev, field) __atomic_fetch_add(&(dev)->stats.field, 1, __ATOMIC_RELAXED)

#define GSO_MAX_SEGS 65535u
#define GSO_MAX_SIZE (8 * GSO_MAX_SEGS)

/* What ndo_bpf is asked to do. Nobody calls it: see <linux/bpf.h>. */
enum bpf_netdev_command { XDP_SETUP_PROG };
struct netdev_bpf {
    enum bpf_netdev_command command;
    struct bpf_prog *prog;
    struct netlink_ext_ack *extack;
};
struct xdp_frame;

/* Nobody reads what a driver tells beside an error number. */
#define NL_SET_ERR_MSG_MOD(extack, text) ((void)(extack), (void)(text))

/* Bits of struct net_device's state. */
enum netdev_state_t {
    __LINK_STATE_START,
    __LINK_STATE_PRESENT,
    __LINK_STATE_NOCARRIER,
    __LINK_STATE_LINKWATCH_PENDING,
    __LINK_STATE_DORMANT,
};

enum netdev_reg_state {
    NETREG_UNINITIALIZED = 0,
    NETREG_REGISTERED,
    NETREG_UNREGISTERING,
    NETREG_UNREGISTERED,
};

/* Bits of struct napi_struct's state, changed only atomically. */
enum {
    NAPI_STATE_SCHED,   /* to be polled, or being polled */
    NAPI_STATE_MISSED,  /* scheduled again while it was polled */
    NAPI_STATE_DISABLE, /* napi_disable waits */
    NAPI_STATE_NPSVC,   /* disabled */
    NAPI_STATE_LISTED,  /* added and not deleted: among its device's */
};

#define GRO_HASH_BUCKETS 8

struct napi_struct {
    struct list_head poll_list;                     /* belongs to who set NAPI_STATE_SCHED */
    struct sk_buff_head gro_hash[GRO_HASH_BUCKETS]; /* packets that may grow, by hash; oldest first */
    struct sk_buff_head rx_list;                    /* frames that go up with the next batch */
    int rx_count;                                   /* segments in rx_list */
    unsigned int napi_id;                           /* 0: nobody polls it by number */
    unsigned long state;
    int weight; /* frames per poll */
    int (*poll)(struct napi_struct *, int);
    struct net_device *dev;
    struct list_head dev_list;
    struct sk_buff *skb; /* of napi_get_frags, being filled */
};

/* Bits of struct netdev_queue's state. */
enum netdev_queue_state_t {
    __QUEUE_STATE_DRV_XOFF, /* the driver has stopped the queue */
};

struct netdev_queue {
    struct net_device *dev;
    struct Qdisc *qdisc;
    spinlock_t _xmit_lock;     /* one transmit function at a time */
    unsigned long trans_start; /* jiffies of the last frame given to the driver */
    unsigned long state;
    atomic_t trans_timeout;
    unsigned long trans_count; /* frames given to the driver; written under _xmit_lock */
};

struct net_device_ops {
    int (*ndo_init)(struct net_device *dev);
    void (*ndo_uninit)(struct net_device *dev);
    int (*ndo_open)(struct net_device *dev);
    int (*ndo_stop)(struct net_device *dev);
    netdev_tx_t (*ndo_start_xmit)(struct sk_buff *skb, struct net_device *dev);
    u16 (*ndo_select_queue)(struct net_device *dev, struct sk_buff *skb, struct net_device *sb_dev);
    netdev_features_t (*ndo_features_check)(struct sk_buff *skb, struct net_device *dev,
                                            netdev_features_t features);
    void (*ndo_change_rx_flags)(struct net_device *dev, int flags);
    void (*ndo_set_rx_mode)(struct net_device *dev);
    int (*ndo_set_mac_address)(struct net_device *dev, void *addr);
    int (*ndo_validate_addr)(struct net_device *dev);
    int (*ndo_do_ioctl)(struct net_device *dev, struct ifreq *ifr, int cmd);
    int (*ndo_eth_ioctl)(struct net_device *dev, struct ifreq *ifr, int cmd);
    int (*ndo_set_config)(struct net_device *dev, struct ifmap *map); /* nobody calls it */
    int (*ndo_change_mtu)(struct net_device *dev, int new_mtu);
    void (*ndo_tx_timeout)(struct net_device *dev, unsigned int txqueue);
    void (*ndo_get_stats64)(struct net_device *dev, struct rtnl_link_stats64 *storage);
    struct net_device_stats *(*ndo_get_stats)(struct net_device *dev);
    int (*ndo_vlan_rx_add_vid)(struct net_device *dev, __be16 proto, u16 vid);
    int (*ndo_vlan_rx_kill_vid)(struct net_device *dev, __be16 proto, u16 vid);
    void (*ndo_poll_controller)(struct net_device *dev);
    int (*ndo_bpf)(struct net_device *dev, struct netdev_bpf *bpf);
    int (*ndo_xdp_xmit)(struct net_device *dev, int n, struct xdp_frame **frames, u32 flags);
    int (*ndo_get_phys_port_name)(struct net_device *dev, char *name, size_t len);
    int (*ndo_set_features)(struct net_device *dev, netdev_features_t features);
    netdev_features_t (*ndo_fix_features)(struct net_device *dev, netdev_features_t features);
};

struct net_device {
    char name[IFNAMSIZ];
    unsigned long state; /* enum netdev_state_t bits, changed only atomically */
    struct list_head dev_list;
    struct list_head napi_list;
    size_t size; /* of it and the driver's part behind it */
    unsigned long mem_start, mem_end, base_addr;
    int irq;
    unsigned char if_port, dma;

    netdev_features_t features, hw_features, wanted_features, vlan_features;
    int ifindex;
    struct net_device_stats stats;
    const struct net_device_ops *netdev_ops;
    const struct ethtool_ops *ethtool_ops;
    const struct header_ops *header_ops;

    unsigned int flags; /* IFF_*, changed under rtnl */
    unsigned int priv_flags;
    unsigned int mtu, min_mtu, max_mtu;
    unsigned short type; /* ARPHRD_* */
    unsigned short hard_header_len, needed_headroom, needed_tailroom;
    unsigned char addr_len, operstate;
    const unsigned char *dev_addr; /* change it with eth_hw_addr_set */
    unsigned char dev_addr_storage[MAX_ADDR_LEN];
    unsigned char perm_addr[MAX_ADDR_LEN];
    unsigned char broadcast[MAX_ADDR_LEN];
    struct netdev_hw_addr_list uc, mc;
    unsigned int promiscuity, allmulti;
    spinlock_t addr_list_lock;

    struct netdev_queue *_tx;
    unsigned int num_tx_queues, real_num_tx_queues, num_rx_queues, real_num_rx_queues;
    unsigned int tx_queue_len; /* frames that each pfifo holds at most */

    struct timer_list watchdog_timer;
    int watchdog_timeo;          /* jiffies */
    int watchdog_running;        /* the timer is pending or about to be */
    unsigned long watchdog_seen; /* all queues' trans_count when the timer last ran */

    u8 reg_state;
    bool needs_free_netdev;
    atomic_t refcnt;
    struct list_head link_watch_list;
    struct device dev;
    struct device *dev_parent;
    void *ml_priv;
    void *priv_base; /* of the whole allocation */
};

/* Bits of priv_flags. */
#define IFF_LIVE_ADDR_CHANGE (1u << 15) /* its address may change while it is open */
#define IFF_TX_SKB_NO_LINEAR (1u << 16) /* it sends from pages, wherever the headers are */
#define IFF_UNICAST_FLT (1u << 17)      /* it has filters for further unicast addresses */
#define IFF_SUPP_NOFCS (1u << 19)       /* it sends frames as they are, check sequence included */

#define SET_NETDEV_DEV(net, parent_device) ((net)->dev.parent = (parent_device))
#define to_net_dev(d) container_of(d, struct net_device, dev)
#define NETDEV_ALIGN 32

static inline void *netdev_priv(const struct net_device *dev)
{
    return (char *)dev + ALIGN(sizeof(struct net_device), NETDEV_ALIGN);
}

static inline const char *netdev_name(const struct net_device *dev)
{
    return dev->name[0] && !strchr(dev->name, '%') ? dev->name : "(unnamed net_device)";
}

/* --- Devices: alloc, register, look up, open ----------------------------------------------------------- */

struct net_device *alloc_netdev_mqs(int sizeof_priv, const char *name, unsigned char name_assign_type,
                                    void (*setup)(struct net_device *), unsigned int txqs, unsigned int rxqs);
#define alloc_netdev(sizeof_priv, name, name_assign_type, setup)                                             \
    alloc_netdev_mqs(sizeof_priv, name, name_assign_type, setup, 1, 1)
void free_netdev(struct net_device *dev);

/* The first form takes rtnl, the second is called with it held. 0 or -errno. */
int register_netdev(struct net_device *dev);
int register_netdevice(struct net_device *dev);
/* Closes the device and returns when nobody holds a reference any more. */
void unregister_netdev(struct net_device *dev);
void unregister_netdevice(struct net_device *dev);

/* Find by name, with a reference that the caller gives back with dev_put; NULL when there is none. */
struct net_device *dev_get_by_name(struct net *net, const char *name);
/* Find by name under rtnl, without a reference. */
struct net_device *__dev_get_by_name(struct net *net, const char *name);
/* Walk all devices, under rtnl only. */
extern struct list_head linux_netdev_list;
#define for_each_netdev(net, d) list_for_each_entry(d, &linux_netdev_list, dev_list)

static inline void dev_hold(struct net_device *dev)
{
    atomic_inc(&dev->refcnt);
}
void dev_put(struct net_device *dev);

/* All of these under rtnl. 0 or -errno. */
int dev_open(struct net_device *dev, struct netlink_ext_ack *extack);
void dev_close(struct net_device *dev);
int dev_change_flags(struct net_device *dev, unsigned int flags, struct netlink_ext_ack *extack);
unsigned int dev_get_flags(const struct net_device *dev);
int dev_set_promiscuity(struct net_device *dev, int inc);
int dev_set_allmulti(struct net_device *dev, int inc);
int dev_set_mtu(struct net_device *dev, int new_mtu);
int dev_set_mac_address(struct net_device *dev, struct sockaddr *sa, struct netlink_ext_ack *extack);
int dev_mc_add(struct net_device *dev, const unsigned char *addr);
int dev_mc_del(struct net_device *dev, const unsigned char *addr);

/* The protocol that a frame's own header tells; 0 when it cannot. */
__be16 dev_parse_header_protocol(const struct sk_buff *skb);

struct rtnl_link_stats64 *dev_get_stats(struct net_device *dev, struct rtnl_link_stats64 *storage);
void netdev_stats_to_stats64(struct rtnl_link_stats64 *stats64, const struct net_device_stats *stats);
/* Let the device have, of its hw_features, those in wanted_features, as far as its driver can. Under rtnl. */
void netdev_update_features(struct net_device *dev);

/* --- Transmit ------------------------------------------------------------------------------------------ */

/*
 * Queue skb for skb->dev and run the queue. skb is consumed, whatever the answer: NET_XMIT_SUCCESS, or
 * NET_XMIT_DROP (queue full or not active), or -errno. The driver's transmit function may run in this call.
 */
int dev_queue_xmit(struct sk_buff *skb);

/* Free from a transmit completion; from an interrupt handler the freeing is left to the net-tx softirq. */
void dev_kfree_skb_irq(struct sk_buff *skb);
void dev_consume_skb_irq(struct sk_buff *skb);
void dev_kfree_skb_any(struct sk_buff *skb);
void dev_consume_skb_any(struct sk_buff *skb);
#define dev_kfree_skb(skb) consume_skb(skb)

static inline struct netdev_queue *netdev_get_tx_queue(const struct net_device *dev, unsigned int index)
{
    return &dev->_tx[index];
}

void netif_tx_start_queue(struct netdev_queue *queue);
void netif_tx_stop_queue(struct netdev_queue *queue);
void netif_tx_wake_queue(struct netdev_queue *queue);
void netif_tx_lock(struct net_device *dev);
void netif_tx_unlock(struct net_device *dev);

static inline void netif_tx_lock_bh(struct net_device *dev)
{
    local_bh_disable();
    netif_tx_lock(dev);
}

static inline void netif_tx_unlock_bh(struct net_device *dev)
{
    netif_tx_unlock(dev);
    local_bh_enable();
}

/* The lock of the lists of addresses, under which ndo_set_rx_mode is called. */
static inline void netif_addr_lock_bh(struct net_device *dev)
{
    spin_lock_bh(&dev->addr_list_lock);
}

static inline void netif_addr_unlock_bh(struct net_device *dev)
{
    spin_unlock_bh(&dev->addr_list_lock);
}

/* The lock of one queue: no transmit function runs while it is held. */
static inline void __netif_tx_lock(struct netdev_queue *queue, int cpu __always_unused)
{
    spin_lock(&queue->_xmit_lock);
}

static inline bool __netif_tx_trylock(struct netdev_queue *queue)
{
    return spin_trylock(&queue->_xmit_lock);
}

static inline void __netif_tx_unlock(struct netdev_queue *queue)
{
    spin_unlock(&queue->_xmit_lock);
}

static inline void __netif_tx_lock_bh(struct netdev_queue *queue)
{
    spin_lock_bh(&queue->_xmit_lock);
}

static inline void __netif_tx_unlock_bh(struct netdev_queue *queue)
{
    spin_unlock_bh(&queue->_xmit_lock);
}

/* For sparse: a queue that only one CPU uses. */
#define __netif_tx_acquire(queue) ((void)(queue))
#define __netif_tx_release(queue) ((void)(queue))

/* Stop all queues and wait until no transmit function runs. */
void netif_tx_disable(struct net_device *dev);
void netif_device_detach(struct net_device *dev);
void netif_device_attach(struct net_device *dev);

static inline bool netif_tx_queue_stopped(const struct netdev_queue *queue)
{
    return test_bit(__QUEUE_STATE_DRV_XOFF, &queue->state);
}

#define netif_xmit_stopped(queue) netif_tx_queue_stopped(queue)
#define netif_xmit_frozen_or_stopped(queue) netif_tx_queue_stopped(queue)

static inline void netif_start_queue(struct net_device *dev)
{
    netif_tx_start_queue(netdev_get_tx_queue(dev, 0));
}

static inline void netif_stop_queue(struct net_device *dev)
{
    netif_tx_stop_queue(netdev_get_tx_queue(dev, 0));
}

static inline void netif_wake_queue(struct net_device *dev)
{
    netif_tx_wake_queue(netdev_get_tx_queue(dev, 0));
}

static inline bool netif_queue_stopped(const struct net_device *dev)
{
    return netif_tx_queue_stopped(netdev_get_tx_queue(dev, 0));
}

static inline void netif_start_subqueue(struct net_device *dev, u16 index)
{
    netif_tx_start_queue(netdev_get_tx_queue(dev, index));
}

static inline void netif_stop_subqueue(struct net_device *dev, u16 index)
{
    netif_tx_stop_queue(netdev_get_tx_queue(dev, index));
}

static inline bool __netif_subqueue_stopped(const struct net_device *dev, u16 index)
{
    return netif_tx_queue_stopped(netdev_get_tx_queue(dev, index));
}

static inline void netif_wake_subqueue(struct net_device *dev, u16 index)
{
    netif_tx_wake_queue(netdev_get_tx_queue(dev, index));
}

/* How many of its queues a driver uses. 0, or -EINVAL for none or more than there are. */
int netif_set_real_num_tx_queues(struct net_device *dev, unsigned int count);
int netif_set_real_num_rx_queues(struct net_device *dev, unsigned int count);

/* Which CPUs use which queue: it is not asked, see above. */
enum xps_map_type { XPS_CPUS, XPS_RXQS };
#define __netif_set_xps_queue(dev, mask, index, type) ((void)(dev), (void)(mask), (void)(index), (void)(type))

/* Nobody hears of changes. */
#define netdev_notify_peers(dev) ((void)(dev))

/* The key by which receive queues are chosen; the same for all devices. */
void netdev_rss_key_fill(void *key, size_t len);

/* For ndo_features_check: the device can do what it says with every frame. */
static inline netdev_features_t passthru_features_check(struct sk_buff *skb __always_unused,
                                                        struct net_device *dev __always_unused,
                                                        netdev_features_t features)
{
    return features;
}

void netif_tx_start_all_queues(struct net_device *dev);
void netif_tx_stop_all_queues(struct net_device *dev);
void netif_tx_wake_all_queues(struct net_device *dev);

static inline void netif_trans_update(struct net_device *dev)
{
    WRITE_ONCE(netdev_get_tx_queue(dev, 0)->trans_start, jiffies);
}

/* When a transmission was last begun by any queue, in jiffies. */
unsigned long dev_trans_start(struct net_device *dev);

#define netdev_sent_queue(dev, bytes) ((void)(dev), (void)(bytes))
#define netdev_completed_queue(dev, packets, bytes) ((void)(dev), (void)(packets), (void)(bytes))
#define netdev_reset_queue(dev) ((void)(dev))
#define netdev_xmit_more() false

/* --- Receive ------------------------------------------------------------------------------------------- */

/* A tap or protocol. func owns the reference it is given; it runs in the softirq thread. */
struct packet_type {
    __be16 type;            /* htons(ETH_P_ALL) for every frame, else the protocol */
    struct net_device *dev; /* NULL: all devices */
    int (*func)(struct sk_buff *skb, struct net_device *dev, struct packet_type *pt,
                struct net_device *orig_dev);
    void *af_packet_priv;
    struct list_head list;
};

void dev_add_pack(struct packet_type *pt);
/* Returns when no call of pt->func is running any more. Not from within func. */
void dev_remove_pack(struct packet_type *pt);

/* Deliver skb, whose data starts behind the link-layer header that skb_mac_header gives. Consumes skb. */
int netif_receive_skb(struct sk_buff *skb);
/* As netif_receive_skb, later and in the softirq thread. */
int netif_rx(struct sk_buff *skb);

/* What has become of a frame. The buffer is gone in any case. */
enum gro_result {
    GRO_MERGED,      /* it is appended to the packet of its flow, */
    GRO_MERGED_FREE, /* or what it carried is, and the buffer is freed */
    GRO_HELD,        /* it waits for what it may be merged with */
    GRO_NORMAL,      /* it goes up as it is */
    GRO_CONSUMED,    /* it was no frame */
};
typedef enum gro_result gro_result_t;

/*
 * From a poll function, for what it polls: as netif_receive_skb, at the end of the poll at the latest. Where
 * the device has NETIF_F_GRO (all have at first), TCP segments that follow each other go up as one packet:
 * its payload in frags and frag_list, gso_size, gso_segs and gso_type set, CHECKSUM_PARTIAL. Who cannot take
 * that has the feature taken from the device, by netdev_update_features.
 */
gro_result_t napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb);
/* A buffer without data, which the driver fills with pages; the same one until it is handed up or freed. */
struct sk_buff *napi_get_frags(struct napi_struct *napi);
gro_result_t napi_gro_frags(struct napi_struct *napi);
void napi_free_frags(struct napi_struct *napi);
/* Let go what is held; with flush_old only what is older than this jiffy. */
void napi_gro_flush(struct napi_struct *napi, bool flush_old);

void netif_napi_add_weight(struct net_device *dev, struct napi_struct *napi,
                           int (*poll)(struct napi_struct *, int), int weight);
/* For sent frames. */
#define netif_napi_add_tx_weight(dev, napi, poll, weight) netif_napi_add_weight(dev, napi, poll, weight)
void netif_napi_del(struct napi_struct *napi);
/* The same, where the caller calls synchronize_net itself. */
void __netif_napi_del(struct napi_struct *napi);
/* Wait until it is not polled any more, and keep it from being scheduled. May sleep. */
void napi_disable(struct napi_struct *napi);
void napi_enable(struct napi_struct *napi);
bool napi_schedule_prep(struct napi_struct *napi);
void __napi_schedule(struct napi_struct *napi);
/* The poll found no more work. False when it was scheduled again meanwhile: do not enable interrupts then. */
bool napi_complete_done(struct napi_struct *napi, int work_done);

static inline void netif_napi_add(struct net_device *dev, struct napi_struct *napi,
                                  int (*poll)(struct napi_struct *, int))
{
    netif_napi_add_weight(dev, napi, poll, NAPI_POLL_WEIGHT);
}

static inline bool napi_complete(struct napi_struct *napi)
{
    return napi_complete_done(napi, 0);
}

static inline bool napi_schedule(struct napi_struct *napi)
{
    if (!napi_schedule_prep(napi))
        return false;
    __napi_schedule(napi);
    return true;
}

#define __napi_schedule_irqoff(napi) __napi_schedule(napi)
#define napi_schedule_irqoff(napi) napi_schedule(napi)

/* --- State --------------------------------------------------------------------------------------------- */

static inline bool netif_running(const struct net_device *dev)
{
    return test_bit(__LINK_STATE_START, &dev->state);
}

static inline bool netif_device_present(const struct net_device *dev)
{
    return test_bit(__LINK_STATE_PRESENT, &dev->state);
}

static inline bool netif_carrier_ok(const struct net_device *dev)
{
    return !test_bit(__LINK_STATE_NOCARRIER, &dev->state);
}

void netif_carrier_on(struct net_device *dev);
void netif_carrier_off(struct net_device *dev);

/* --- Messages ------------------------------------------------------------------------------------------ */

__printf(3, 4) void linux_netdev_printk(const char *level, const struct net_device *dev, const char *fmt,
                                        ...);

#define netdev_printk(level, dev, fmt, ...) linux_netdev_printk(level, dev, fmt, ##__VA_ARGS__)
#define netdev_err(dev, fmt, ...) linux_netdev_printk(KERN_ERR, dev, fmt, ##__VA_ARGS__)
#define netdev_warn(dev, fmt, ...) linux_netdev_printk(KERN_WARNING, dev, fmt, ##__VA_ARGS__)
#define netdev_notice(dev, fmt, ...) linux_netdev_printk(KERN_NOTICE, dev, fmt, ##__VA_ARGS__)
#define netdev_info(dev, fmt, ...) linux_netdev_printk(KERN_INFO, dev, fmt, ##__VA_ARGS__)
#define netdev_warn_once(dev, fmt, ...) printk_once(KERN_WARNING "%s: " fmt, netdev_name(dev), ##__VA_ARGS__)
#define netdev_WARN_ONCE(dev, fmt, ...) printk_once(KERN_WARNING "%s: " fmt, netdev_name(dev), ##__VA_ARGS__)
#define netdev_dbg(dev, fmt, ...)                                                                            \
    do {                                                                                                     \
        if (0)                                                                                               \
            linux_netdev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__);                                        \
    } while (0)

#define __netif_message(priv, type, function, dev, fmt, ...)                                                 \
    do {                                                                                                     \
        if (netif_msg_##type(priv))                                                                          \
            function(dev, fmt, ##__VA_ARGS__);                                                               \
    } while (0)
#define netif_printk(priv, type, level, dev, fmt, ...)                                                       \
    do {                                                                                                     \
        if (netif_msg_##type(priv))                                                                          \
            linux_netdev_printk(level, dev, fmt, ##__VA_ARGS__);                                             \
    } while (0)
#define netif_err(priv, type, dev, fmt, ...) __netif_message(priv, type, netdev_err, dev, fmt, ##__VA_ARGS__)
#define netif_warn(priv, type, dev, fmt, ...)                                                                \
    __netif_message(priv, type, netdev_warn, dev, fmt, ##__VA_ARGS__)
#define netif_notice(priv, type, dev, fmt, ...)                                                              \
    __netif_message(priv, type, netdev_notice, dev, fmt, ##__VA_ARGS__)
#define netif_info(priv, type, dev, fmt, ...)                                                                \
    __netif_message(priv, type, netdev_info, dev, fmt, ##__VA_ARGS__)
#define netif_dbg(priv, type, dev, fmt, ...) __netif_message(priv, type, netdev_dbg, dev, fmt, ##__VA_ARGS__)

#endif
