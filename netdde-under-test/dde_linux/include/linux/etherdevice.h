/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/etherdevice.h>. */
#ifndef DDE_LINUX_ETHERDEVICE_H
#define DDE_LINUX_ETHERDEVICE_H

#include <linux/if_ether.h>
#include <linux/netdevice.h>

struct net_device *alloc_etherdev_mqs(int sizeof_priv, unsigned int txqs, unsigned int rxqs);
#define alloc_etherdev(sizeof_priv) alloc_etherdev_mqs(sizeof_priv, 1, 1)
#define alloc_etherdev_mq(sizeof_priv, count) alloc_etherdev_mqs(sizeof_priv, count, count)

void ether_setup(struct net_device *dev);
/* Set mac_header, pull the Ethernet header, set pkt_type; returns the protocol. */
__be16 eth_type_trans(struct sk_buff *skb, struct net_device *dev);
int eth_validate_addr(struct net_device *dev);
int eth_mac_addr(struct net_device *dev, void *addr);

/* eth_mac_addr in two steps: may it be changed to that, and do it. */
int eth_prepare_mac_addr_change(struct net_device *dev, void *addr);
void eth_commit_mac_addr_change(struct net_device *dev, void *addr);
/* A locally administered address, the same in every run. */
void eth_hw_addr_random(struct net_device *dev);

static inline bool is_zero_ether_addr(const u8 *addr)
{
    return !(addr[0] | addr[1] | addr[2] | addr[3] | addr[4] | addr[5]);
}

static inline bool is_multicast_ether_addr(const u8 *addr)
{
    return addr[0] & 1;
}

static inline bool is_broadcast_ether_addr(const u8 *addr)
{
    return (addr[0] & addr[1] & addr[2] & addr[3] & addr[4] & addr[5]) == 0xff;
}

static inline bool is_valid_ether_addr(const u8 *addr)
{
    return !is_multicast_ether_addr(addr) && !is_zero_ether_addr(addr);
}

static inline bool ether_addr_equal(const u8 *a, const u8 *b)
{
    return memcmp(a, b, ETH_ALEN) == 0;
}

static inline void ether_addr_copy(u8 *dst, const u8 *src)
{
    memcpy(dst, src, ETH_ALEN);
}

static inline void eth_zero_addr(u8 *addr)
{
    memset(addr, 0, ETH_ALEN);
}

static inline void eth_broadcast_addr(u8 *addr)
{
    memset(addr, 0xff, ETH_ALEN);
}

/* The only way to change dev_addr. */
static inline void eth_hw_addr_set(struct net_device *dev, const u8 *addr)
{
    memcpy(dev->dev_addr_storage, addr, ETH_ALEN);
}

/* Pad to at least the shortest frame. Returns 0, or -ENOMEM after freeing skb. */
static inline int eth_skb_pad(struct sk_buff *skb)
{
    return skb_put_padto(skb, ETH_ZLEN);
}

#endif
