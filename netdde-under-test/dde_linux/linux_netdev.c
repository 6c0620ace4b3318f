/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network devices: allocation, registration, look-up, opening and closing, flags and addresses; and rtnl, the
 * mutex under which all of that happens. See <linux/netdevice.h>.
 *
 * Left out: notifiers, namespaces, renaming, netlink.
 */
#include <stdio.h>

#include <linux/if_arp.h>

#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/wait.h>

#include "netdde-under-test/dde_linux/internal.h"

struct net {
    int unused;
};
struct net init_net;

struct list_head linux_netdev_list = LIST_HEAD_INIT(linux_netdev_list);
static DEFINE_SPINLOCK(
    netdev_list_lock);   /* the list, for those who do not hold rtnl; changed with both held */
static int last_ifindex; /* under rtnl */
static DECLARE_WAIT_QUEUE_HEAD(unreferenced); /* woken when a device that is going away loses a reference */

static DEFINE_MUTEX(rtnl_mutex);
static LIST_HEAD(unregistered); /* under rtnl: devices whose last references rtnl_unlock waits for */

/* --- rtnl ---------------------------------------------------------------------------------------------- */

void rtnl_lock(void)
{
    mutex_lock(&rtnl_mutex);
}

int rtnl_trylock(void)
{
    return mutex_trylock(&rtnl_mutex);
}

int rtnl_is_locked(void)
{
    return mutex_is_locked(&rtnl_mutex);
}

bool lockdep_rtnl_is_held(void)
{
    return lockdep_is_held(&rtnl_mutex);
}

void linux_assert_rtnl(const char *file, int line)
{
    linux_assert_lock(rtnl_mutex.dde_lock, true, "ASSERT_RTNL()", file, line);
}

static void finish_unregister(struct net_device *dev)
{
    wait_event(unreferenced, atomic_read(&dev->refcnt) == 0);
    qdisc_destroy(dev);
    dev->reg_state = NETREG_UNREGISTERED;
    if (dev->needs_free_netdev)
        free_netdev(dev);
}

/* Whoever holds references to a device may need rtnl to give them back: so they are waited for without it. */
void rtnl_unlock(void)
{
    LIST_HEAD(todo);

    list_splice_init(&unregistered, &todo);
    mutex_unlock(&rtnl_mutex);
    while (!list_empty(&todo)) {
        struct net_device *dev = list_first_entry(&todo, struct net_device, dev_list);

        list_del(&dev->dev_list);
        finish_unregister(dev);
    }
}

/* --- Allocation ---------------------------------------------------------------------------------------- */

static void init_addresses(struct net_device *dev)
{
    dev->dev_addr = dev->dev_addr_storage;
    INIT_LIST_HEAD(&dev->uc.list);
    INIT_LIST_HEAD(&dev->mc.list);
    spin_lock_init(&dev->addr_list_lock);
}

struct net_device *alloc_netdev_mqs(int sizeof_priv, const char *name,
                                    unsigned char name_assign_type __always_unused,
                                    void (*setup)(struct net_device *), unsigned int txqs, unsigned int rxqs)
{
    size_t size = ALIGN(sizeof(struct net_device), NETDEV_ALIGN) + (size_t)sizeof_priv;
    struct net_device *dev;
    struct netdev_queue *queues, *txq;

    if (WARN_ON(txqs < 1 || rxqs < 1))
        return NULL;
    dev = kzalloc(size, GFP_KERNEL);
    queues = kcalloc(txqs, sizeof(*queues), GFP_KERNEL);
    if (!dev || !queues) {
        kfree(dev);
        kfree(queues);
        return NULL;
    }
    dev->size = size;
    dev->_tx = queues;
    dev->num_tx_queues = dev->real_num_tx_queues = txqs;
    for_each_tx_queue(txq, dev)
    {
        txq->dev = dev;
        spin_lock_init(&txq->_xmit_lock);
    }
    dev->num_rx_queues = dev->real_num_rx_queues = rxqs;
    dev->tx_queue_len = DEFAULT_TX_QUEUE_LEN;
    INIT_LIST_HEAD(&dev->napi_list);
    dev->link_watch_list.next = dev->link_watch_list.prev = NULL;
    init_addresses(dev);
    setup(dev);
    strscpy(dev->name, name, sizeof(dev->name));
    return dev;
}

static void free_addresses(struct netdev_hw_addr_list *list)
{
    struct netdev_hw_addr *ha, *next;

    list_for_each_entry_safe(ha, next, &list->list, list) kfree(ha);
}

void free_netdev(struct net_device *dev)
{
    struct napi_struct *napi, *next;
    struct netdev_queue *txq;

    if (dev->reg_state == NETREG_UNREGISTERING) {
        dev->needs_free_netdev = true; /* its last references are still being waited for */
        return;
    }
    BUG_ON(dev->reg_state == NETREG_REGISTERED);
    list_for_each_entry_safe(napi, next, &dev->napi_list, dev_list) netif_napi_del(napi);
    free_addresses(&dev->uc);
    free_addresses(&dev->mc);
    /* The driver's own part of the memory is full of timers and work. */
    check_idle(dev, dev->size, dev->name, true);
    ddekit_lock_deinit(&dev->addr_list_lock.dde_lock);
    for_each_tx_queue(txq, dev) ddekit_lock_deinit(&txq->_xmit_lock.dde_lock);
    kfree(dev->_tx);
    kfree(dev);
}

/* --- Registration -------------------------------------------------------------------------------------- */

struct net_device *__dev_get_by_name(struct net *net __always_unused, const char *name)
{
    struct net_device *dev;

    for_each_netdev(net, dev)
    {
        if (strcmp(dev->name, name) == 0)
            return dev;
    }
    return NULL;
}

static bool is_on(const struct net_device *dev, const char *device)
{
    for (const struct device *above = dev->dev.parent; above; above = above->parent) {
        if (strcmp(dev_name(above), device) == 0)
            return true;
    }
    return false;
}

bool dde_linux_find_interface(const char *device, char name[IFNAMSIZ])
{
    struct net_device *dev;
    bool found = false;

    spin_lock(&netdev_list_lock);
    for_each_netdev(&init_net, dev)
    {
        if (!found && is_on(dev, device)) {
            memcpy(name, dev->name, IFNAMSIZ);
            found = true;
        }
    }
    spin_unlock(&netdev_list_lock);
    return found;
}

struct net_device *dev_get_by_name(struct net *net, const char *name)
{
    struct net_device *dev;

    spin_lock(&netdev_list_lock);
    dev = __dev_get_by_name(net, name);
    if (dev)
        dev_hold(dev);
    spin_unlock(&netdev_list_lock);
    return dev;
}

void dev_put(struct net_device *dev)
{
    if (dev && atomic_dec_and_test(&dev->refcnt))
        wake_up_all(&unreferenced);
}

/* Replace the "%d" of a name by the first number that is free. */
static int choose_name(struct net_device *dev)
{
    char prefix[IFNAMSIZ], name[2 * IFNAMSIZ];
    char *percent;

    strscpy(prefix, dev->name, sizeof(prefix));
    percent = strstr(prefix, "%d");
    if (!percent)
        return __dev_get_by_name(&init_net, dev->name) ? -EEXIST : 0;
    *percent = '\0';
    for (int number = 0; number < 100; number++) {
        snprintf(name, sizeof(name), "%s%d%s", prefix, number, percent + 2);
        if (strlen(name) < IFNAMSIZ && !__dev_get_by_name(&init_net, name)) {
            strscpy(dev->name, name, sizeof(dev->name));
            return 0;
        }
    }
    return -ENFILE;
}

int register_netdevice(struct net_device *dev)
{
    int rc;

    ASSERT_RTNL();
    BUG_ON(dev->reg_state != NETREG_UNINITIALIZED);
    rc = choose_name(dev);
    if (rc)
        return rc;
    if (dev->netdev_ops->ndo_init) {
        rc = dev->netdev_ops->ndo_init(dev);
        if (rc)
            return rc;
    }
    rc = qdisc_create(dev);
    if (rc) {
        if (dev->netdev_ops->ndo_uninit)
            dev->netdev_ops->ndo_uninit(dev);
        return rc;
    }
    dev->ifindex = ++last_ifindex;
    /* What Linux does by itself, for every device. */
    dev->features |= NETIF_F_GRO;
    dev->hw_features |= NETIF_F_GRO;
    dev->wanted_features = dev->features & dev->hw_features;
    memcpy(dev->perm_addr, dev->dev_addr, sizeof(dev->perm_addr));
    set_bit(__LINK_STATE_PRESENT, &dev->state);
    atomic_set(&dev->refcnt, 1);
    dev->reg_state = NETREG_REGISTERED;
    spin_lock(&netdev_list_lock);
    list_add_tail(&dev->dev_list, &linux_netdev_list);
    spin_unlock(&netdev_list_lock);
    return 0;
}

void unregister_netdevice(struct net_device *dev)
{
    ASSERT_RTNL();
    if (WARN_ON(dev->reg_state != NETREG_REGISTERED))
        return;
    dev_close(dev);
    dev->reg_state = NETREG_UNREGISTERING;
    spin_lock(&netdev_list_lock);
    list_del(&dev->dev_list);
    spin_unlock(&netdev_list_lock);
    linkwatch_forget(dev);
    synchronize_net();
    if (dev->netdev_ops->ndo_uninit)
        dev->netdev_ops->ndo_uninit(dev);
    dev_put(dev);
    list_add_tail(&dev->dev_list, &unregistered);
}

int register_netdev(struct net_device *dev)
{
    int rc;

    rtnl_lock();
    rc = register_netdevice(dev);
    rtnl_unlock();
    return rc;
}

void unregister_netdev(struct net_device *dev)
{
    rtnl_lock();
    unregister_netdevice(dev);
    rtnl_unlock();
}

/* --- Opening and closing ------------------------------------------------------------------------------- */

/* Under the lock of the addresses: so it must not sleep. */
static void set_rx_mode_locked(struct net_device *dev)
{
    if ((dev->flags & IFF_UP) && netif_device_present(dev) && dev->netdev_ops->ndo_set_rx_mode)
        dev->netdev_ops->ndo_set_rx_mode(dev);
}

static void set_rx_mode(struct net_device *dev)
{
    netif_addr_lock_bh(dev);
    set_rx_mode_locked(dev);
    netif_addr_unlock_bh(dev);
}

int dev_open(struct net_device *dev, struct netlink_ext_ack *extack __always_unused)
{
    const struct net_device_ops *ops = dev->netdev_ops;
    int rc = 0;

    ASSERT_RTNL();
    if (dev->flags & IFF_UP)
        return 0;
    if (!netif_device_present(dev))
        return -ENODEV;
    set_bit(__LINK_STATE_START, &dev->state);
    if (ops->ndo_validate_addr)
        rc = ops->ndo_validate_addr(dev);
    if (!rc && ops->ndo_open)
        rc = ops->ndo_open(dev);
    if (rc) {
        clear_bit(__LINK_STATE_START, &dev->state);
        return rc;
    }
    dev->flags |= IFF_UP;
    set_rx_mode(dev);
    qdisc_activate(dev);
    return 0;
}

void dev_close(struct net_device *dev)
{
    ASSERT_RTNL();
    if (!(dev->flags & IFF_UP))
        return;
    clear_bit(__LINK_STATE_START, &dev->state);
    qdisc_deactivate(dev);
    if (dev->netdev_ops->ndo_stop)
        dev->netdev_ops->ndo_stop(dev);
    dev->flags &= ~(unsigned int)IFF_UP;
}

/* --- Flags and addresses ------------------------------------------------------------------------------- */

unsigned int dev_get_flags(const struct net_device *dev)
{
    unsigned int flags = dev->flags & ~(unsigned int)(IFF_RUNNING | IFF_LOWER_UP);

    if (!netif_running(dev) || !netif_carrier_ok(dev))
        return flags;
    flags |= IFF_LOWER_UP;
    /* The link watch has followed: frames go out. */
    if (qdisc_is_active(dev))
        flags |= IFF_RUNNING;
    return flags;
}

/* Count one more or less user of a mode; the flag is set while there are any. */
static int change_mode(struct net_device *dev, unsigned int *users, unsigned int flag, int inc)
{
    unsigned int old_flags = dev->flags;

    ASSERT_RTNL();
    if (inc < 0 && *users < (unsigned int)-inc)
        return -EINVAL;
    *users += (unsigned int)inc;
    dev->flags = *users ? dev->flags | flag : dev->flags & ~flag;
    if (dev->flags == old_flags)
        return 0;
    if (dev->netdev_ops->ndo_change_rx_flags)
        dev->netdev_ops->ndo_change_rx_flags(dev, (int)flag);
    set_rx_mode(dev);
    return 0;
}

int dev_set_promiscuity(struct net_device *dev, int inc)
{
    return change_mode(dev, &dev->promiscuity, IFF_PROMISC, inc);
}

int dev_set_allmulti(struct net_device *dev, int inc)
{
    return change_mode(dev, &dev->allmulti, IFF_ALLMULTI, inc);
}

int dev_change_flags(struct net_device *dev, unsigned int flags, struct netlink_ext_ack *extack)
{
    const unsigned int plain = IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_MULTICAST;
    unsigned int changed = flags ^ dev->flags;
    int rc = 0;

    ASSERT_RTNL();
    dev->flags = (dev->flags & ~plain) | (flags & plain);
    if (changed & IFF_PROMISC)
        rc = dev_set_promiscuity(dev, flags & IFF_PROMISC ? 1 : -1);
    if (!rc && (changed & IFF_ALLMULTI))
        rc = dev_set_allmulti(dev, flags & IFF_ALLMULTI ? 1 : -1);
    if (rc || !(changed & IFF_UP))
        return rc;
    if (flags & IFF_UP)
        return dev_open(dev, extack);
    dev_close(dev);
    return 0;
}

int dev_set_mtu(struct net_device *dev, int new_mtu)
{
    int rc;

    ASSERT_RTNL();
    if (new_mtu < 0 || (unsigned int)new_mtu < dev->min_mtu ||
        (dev->max_mtu > 0 && (unsigned int)new_mtu > dev->max_mtu))
        return -EINVAL;
    if (dev->netdev_ops->ndo_change_mtu) {
        rc = dev->netdev_ops->ndo_change_mtu(dev, new_mtu);
        if (rc)
            return rc;
    }
    dev->mtu = (unsigned int)new_mtu;
    return 0;
}

int dev_set_mac_address(struct net_device *dev, struct sockaddr *sa,
                        struct netlink_ext_ack *extack __always_unused)
{
    ASSERT_RTNL();
    if (!dev->netdev_ops->ndo_set_mac_address)
        return -EOPNOTSUPP;
    if (sa->sa_family != dev->type)
        return -EINVAL;
    if (!netif_device_present(dev))
        return -ENODEV;
    return dev->netdev_ops->ndo_set_mac_address(dev, sa);
}

static struct netdev_hw_addr *find_address(struct netdev_hw_addr_list *list, const unsigned char *addr,
                                           size_t len)
{
    struct netdev_hw_addr *ha;

    list_for_each_entry(ha, &list->list, list)
    {
        if (memcmp(ha->addr, addr, len) == 0)
            return ha;
    }
    return NULL;
}

int dev_mc_add(struct net_device *dev, const unsigned char *addr)
{
    struct netdev_hw_addr *ha;

    ASSERT_RTNL();
    ha = find_address(&dev->mc, addr, dev->addr_len);
    if (ha) {
        ha->refcount++;
        return 0;
    }
    ha = kzalloc(sizeof(*ha), GFP_KERNEL);
    if (!ha)
        return -ENOMEM;
    memcpy(ha->addr, addr, dev->addr_len);
    ha->refcount = 1;
    netif_addr_lock_bh(dev);
    list_add_tail(&ha->list, &dev->mc.list);
    dev->mc.count++;
    set_rx_mode_locked(dev);
    netif_addr_unlock_bh(dev);
    return 0;
}

int dev_mc_del(struct net_device *dev, const unsigned char *addr)
{
    struct netdev_hw_addr *ha;

    ASSERT_RTNL();
    ha = find_address(&dev->mc, addr, dev->addr_len);
    if (!ha)
        return -ENOENT;
    if (--ha->refcount > 0)
        return 0;
    netif_addr_lock_bh(dev);
    list_del(&ha->list);
    dev->mc.count--;
    set_rx_mode_locked(dev);
    netif_addr_unlock_bh(dev);
    kfree(ha);
    return 0;
}

/* --- Statistics and features --------------------------------------------------------------------------- */

void netdev_stats_to_stats64(struct rtnl_link_stats64 *to, const struct net_device_stats *from)
{
    *to = (struct rtnl_link_stats64){
        .rx_packets = from->rx_packets,
        .tx_packets = from->tx_packets,
        .rx_bytes = from->rx_bytes,
        .tx_bytes = from->tx_bytes,
        .rx_errors = from->rx_errors,
        .tx_errors = from->tx_errors,
        .rx_dropped = from->rx_dropped,
        .tx_dropped = from->tx_dropped,
        .multicast = from->multicast,
        .collisions = from->collisions,
        .rx_length_errors = from->rx_length_errors,
        .rx_over_errors = from->rx_over_errors,
        .rx_crc_errors = from->rx_crc_errors,
        .rx_frame_errors = from->rx_frame_errors,
        .rx_fifo_errors = from->rx_fifo_errors,
        .rx_missed_errors = from->rx_missed_errors,
        .tx_aborted_errors = from->tx_aborted_errors,
        .tx_carrier_errors = from->tx_carrier_errors,
        .tx_fifo_errors = from->tx_fifo_errors,
        .tx_heartbeat_errors = from->tx_heartbeat_errors,
        .tx_window_errors = from->tx_window_errors,
        .rx_compressed = from->rx_compressed,
        .tx_compressed = from->tx_compressed,
    };
}

__be16 dev_parse_header_protocol(const struct sk_buff *skb)
{
    const struct ethhdr *header = (const struct ethhdr *)skb_mac_header(skb);

    return skb->dev->type == ARPHRD_ETHER ? header->h_proto : 0;
}

struct rtnl_link_stats64 *dev_get_stats(struct net_device *dev, struct rtnl_link_stats64 *storage)
{
    const struct net_device_ops *ops = dev->netdev_ops;

    if (ops->ndo_get_stats64) {
        memset(storage, 0, sizeof(*storage));
        ops->ndo_get_stats64(dev, storage);
    } else {
        netdev_stats_to_stats64(storage, ops->ndo_get_stats ? ops->ndo_get_stats(dev) : &dev->stats);
    }
    return storage;
}

int netif_set_real_num_rx_queues(struct net_device *dev, unsigned int count)
{
    if (count < 1 || count > dev->num_rx_queues)
        return -EINVAL;
    dev->real_num_rx_queues = count;
    return 0;
}

void netdev_rss_key_fill(void *key, size_t len)
{
    get_random_bytes(key, len);
}

void netdev_update_features(struct net_device *dev)
{
    netdev_features_t features =
        (dev->features & ~dev->hw_features) | (dev->wanted_features & dev->hw_features);

    ASSERT_RTNL();
    if (dev->netdev_ops->ndo_fix_features)
        features = dev->netdev_ops->ndo_fix_features(dev, features);
    if (features == dev->features)
        return;
    if (dev->netdev_ops->ndo_set_features && dev->netdev_ops->ndo_set_features(dev, features) < 0)
        return;
    dev->features = features;
}
