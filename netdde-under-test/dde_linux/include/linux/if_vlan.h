/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/if_vlan.h>: IEEE 802.1Q tags, in a frame or beside it where the device takes them out
 * and puts them in. There are no VLAN devices.
 */
#ifndef DDE_LINUX_IF_VLAN_H
#define DDE_LINUX_IF_VLAN_H

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#define VLAN_HLEN 4
#define VLAN_ETH_HLEN 18
#define VLAN_ETH_ZLEN 64
#define VLAN_ETH_DATA_LEN 1500
#define VLAN_ETH_FRAME_LEN 1518
#define VLAN_N_VID 4096
#define VLAN_VID_MASK 0x0fff

/* Behind the addresses of a tagged frame's header. */
struct vlan_hdr {
    __be16 h_vlan_TCI;
    __be16 h_vlan_encapsulated_proto;
};

#define skb_vlan_tag_present(skb) ((skb)->vlan_present)
#define skb_vlan_tag_get(skb) ((skb)->vlan_tci)

static inline void __vlan_hwaccel_put_tag(struct sk_buff *skb, __be16 proto, u16 tci)
{
    skb->vlan_proto = proto;
    skb->vlan_tci = tci;
    skb->vlan_present = 1;
}

/* The protocol behind the tags of a frame that begins with its Ethernet header; 0 for a frame that ends in
 * between. */
__be16 vlan_get_protocol(const struct sk_buff *skb);

/* For ndo_features_check: what of the features a device has for a frame with more than one tag, which most
 * cannot look behind. */
netdev_features_t vlan_features_check(struct sk_buff *skb, netdev_features_t features);

/* Put the tag beside the frame into it. The data starts at its Ethernet header. Returns skb, or NULL after
 * freeing it. */
struct sk_buff *__vlan_hwaccel_push_inside(struct sk_buff *skb);

/* Let frames of a VLAN through a device's filter, if it has one. Under rtnl. 0 or -errno. */
int vlan_vid_add(struct net_device *dev, __be16 proto, u16 vid);
void vlan_vid_del(struct net_device *dev, __be16 proto, u16 vid);

#endif
