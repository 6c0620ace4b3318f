/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IEEE 802.1Q tags, see <linux/if_vlan.h>. */
#include <linux/if_vlan.h>
#include <linux/kernel.h>

#define TAGS_MAX 8 /* of one frame that are looked behind */

static bool is_tag(__be16 protocol)
{
    return protocol == htons(ETH_P_8021Q) || protocol == htons(ETH_P_8021AD);
}

__be16 vlan_get_protocol(const struct sk_buff *skb)
{
    __be16 protocol = skb->protocol;
    int offset = skb->mac_len ? skb->mac_len : ETH_HLEN;
    struct vlan_hdr tag;

    for (int i = 0; is_tag(protocol); i++) {
        if (i == TAGS_MAX || skb_copy_bits(skb, offset, &tag, sizeof(tag)))
            return 0;
        protocol = tag.h_vlan_encapsulated_proto;
        offset += VLAN_HLEN;
    }
    return protocol;
}

/* More than one, in the frame and beside it. */
static bool has_tags(const struct sk_buff *skb)
{
    struct vlan_hdr tag;

    if (!is_tag(skb->protocol))
        return false;
    if (skb_vlan_tag_present(skb))
        return true;
    return skb_copy_bits(skb, ETH_HLEN, &tag, sizeof(tag)) == 0 && is_tag(tag.h_vlan_encapsulated_proto);
}

netdev_features_t vlan_features_check(struct sk_buff *skb, netdev_features_t features)
{
    if (has_tags(skb))
        features &= NETIF_F_SG | NETIF_F_HIGHDMA | NETIF_F_FRAGLIST | NETIF_F_HW_VLAN_CTAG_TX;
    return features;
}

struct sk_buff *__vlan_hwaccel_push_inside(struct sk_buff *skb)
{
    struct vlan_hdr tag = {.h_vlan_TCI = htons(skb->vlan_tci)};
    __be16 kind = skb->vlan_proto;
    u8 *frame;

    if (skb_cow_head(skb, VLAN_HLEN)) {
        kfree_skb(skb);
        return NULL;
    }
    frame = skb_push(skb, VLAN_HLEN);
    memmove(frame, frame + VLAN_HLEN, 2 * ETH_ALEN);
    memcpy(&tag.h_vlan_encapsulated_proto, frame + 2 * ETH_ALEN + VLAN_HLEN, sizeof(__be16));
    memcpy(frame + 2 * ETH_ALEN, &kind, sizeof(kind));
    memcpy(frame + 2 * ETH_ALEN + sizeof(kind), &tag, sizeof(__be16));
    skb_reset_mac_header(skb);
    skb->protocol = kind;
    skb->vlan_present = 0;
    return skb;
}

static bool has_filter(const struct net_device *dev, __be16 proto)
{
    return proto == htons(ETH_P_8021Q) && (dev->features & NETIF_F_HW_VLAN_CTAG_FILTER);
}

int vlan_vid_add(struct net_device *dev, __be16 proto, u16 vid)
{
    ASSERT_RTNL();
    if (vid >= VLAN_N_VID)
        return -EINVAL;
    return has_filter(dev, proto) ? dev->netdev_ops->ndo_vlan_rx_add_vid(dev, proto, vid) : 0;
}

void vlan_vid_del(struct net_device *dev, __be16 proto, u16 vid)
{
    ASSERT_RTNL();
    if (has_filter(dev, proto) && vid < VLAN_N_VID)
        dev->netdev_ops->ndo_vlan_rx_kill_vid(dev, proto, vid);
}
