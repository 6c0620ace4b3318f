/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet devices, see <linux/etherdevice.h>. Frame format: IEEE 802.3, clause 3. */
#include <linux/if_arp.h>

#include <linux/etherdevice.h>
#include <linux/random.h>

#define ETH_TYPE_MIN 0x0600 /* smaller values of the type field are lengths */
#define ETH_DEFAULT_MAX_MTU 1500

void ether_setup(struct net_device *dev)
{
    dev->type = ARPHRD_ETHER;
    dev->hard_header_len = ETH_HLEN;
    dev->mtu = ETH_DATA_LEN;
    dev->min_mtu = ETH_MIN_MTU;
    dev->max_mtu = ETH_DEFAULT_MAX_MTU;
    dev->addr_len = ETH_ALEN;
    dev->flags = IFF_BROADCAST | IFF_MULTICAST;
    eth_broadcast_addr(dev->broadcast);
}

struct net_device *alloc_etherdev_mqs(int sizeof_priv, unsigned int txqs, unsigned int rxqs)
{
    return alloc_netdev_mqs(sizeof_priv, "eth%d", NET_NAME_ENUM, ether_setup, txqs, rxqs);
}

static u8 packet_type_of(const struct net_device *dev, const u8 *destination)
{
    if (is_broadcast_ether_addr(destination))
        return PACKET_BROADCAST;
    if (is_multicast_ether_addr(destination))
        return PACKET_MULTICAST;
    return ether_addr_equal(destination, dev->dev_addr) ? PACKET_HOST : PACKET_OTHERHOST;
}

__be16 eth_type_trans(struct sk_buff *skb, struct net_device *dev)
{
    const struct ethhdr *eth;

    skb->dev = dev;
    skb_reset_mac_header(skb);
    eth = eth_hdr(skb);
    skb_pull(skb, ETH_HLEN);
    skb->pkt_type = packet_type_of(dev, eth->h_dest) & 7;
    if (be16_to_cpu(eth->h_proto) >= ETH_TYPE_MIN)
        return eth->h_proto;
    /* A length: Novell's raw 802.3 begins with ones where 802.2 has its service access points. */
    if (skb->len >= 2 && skb->data[0] == 0xff && skb->data[1] == 0xff)
        return htons(ETH_P_802_3);
    return htons(ETH_P_802_2);
}

int eth_validate_addr(struct net_device *dev)
{
    return is_valid_ether_addr(dev->dev_addr) ? 0 : -EADDRNOTAVAIL;
}

int eth_prepare_mac_addr_change(struct net_device *dev, void *addr)
{
    const struct sockaddr *sa = addr;

    if (!(dev->priv_flags & IFF_LIVE_ADDR_CHANGE) && netif_running(dev))
        return -EBUSY;
    return is_valid_ether_addr((const u8 *)sa->sa_data) ? 0 : -EADDRNOTAVAIL;
}

void eth_commit_mac_addr_change(struct net_device *dev, void *addr)
{
    const struct sockaddr *sa = addr;

    eth_hw_addr_set(dev, (const u8 *)sa->sa_data);
}

int eth_mac_addr(struct net_device *dev, void *addr)
{
    int rc = eth_prepare_mac_addr_change(dev, addr);

    if (!rc)
        eth_commit_mac_addr_change(dev, addr);
    return rc;
}

/* The second bit says that nobody has assigned it, the first one off that it is no group's. */
void eth_hw_addr_random(struct net_device *dev)
{
    u8 addr[ETH_ALEN];

    get_random_bytes(addr, sizeof(addr));
    addr[0] = (u8)((addr[0] | 2) & ~1);
    eth_hw_addr_set(dev, addr);
}
