/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Socket buffers, see <linux/skbuff.h>: a record, and a head with the data and, behind it, what all clones
 * share.
 */
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/slab.h>

#define NO_HEADER ((u16)~0u)

struct sk_buff *alloc_skb(unsigned int size, gfp_t priority)
{
    size_t room = SKB_DATA_ALIGN((size_t)size);
    struct sk_buff *skb = kzalloc(sizeof(*skb), priority);

    if (!skb)
        return NULL;
    skb->head = kmalloc(room + sizeof(struct skb_shared_info), priority);
    if (!skb->head) {
        kfree(skb);
        return NULL;
    }
    skb->data = skb->head;
    skb->end = (sk_buff_data_t)room;
    skb->truesize = (unsigned int)(room + sizeof(*skb) + sizeof(struct skb_shared_info));
    skb->mac_header = skb->transport_header = NO_HEADER;
    refcount_set(&skb->users, 1);
    memset(skb_shinfo(skb), 0, sizeof(struct skb_shared_info));
    atomic_set(&skb_shinfo(skb)->dataref, 1);
    return skb;
}

struct sk_buff *__netdev_alloc_skb(struct net_device *dev, unsigned int length, gfp_t gfp)
{
    struct sk_buff *skb = alloc_skb(length + NET_SKB_PAD + NET_IP_ALIGN, gfp);

    if (!skb)
        return NULL;
    skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
    skb->dev = dev;
    return skb;
}

struct sk_buff *napi_alloc_skb(struct napi_struct *napi, unsigned int length)
{
    return __netdev_alloc_skb(napi->dev, length, GFP_ATOMIC);
}

static void copy_header(struct sk_buff *to, const struct sk_buff *from)
{
    to->dev = from->dev;
    memcpy(to->cb, from->cb, sizeof(to->cb));
    to->mac_len = from->mac_len;
    to->queue_mapping = from->queue_mapping;
    to->pkt_type = from->pkt_type;
    to->ip_summed = from->ip_summed;
    to->vlan_present = from->vlan_present;
    to->priority = from->priority;
    to->mark = from->mark;
    to->csum = from->csum;
    to->protocol = from->protocol;
    to->vlan_proto = from->vlan_proto;
    to->vlan_tci = from->vlan_tci;
    to->transport_header = from->transport_header;
    to->network_header = from->network_header;
    to->mac_header = from->mac_header;
}

struct sk_buff *skb_clone(struct sk_buff *skb, gfp_t gfp)
{
    struct sk_buff *clone = kzalloc(sizeof(*clone), gfp);

    if (!clone)
        return NULL;
    copy_header(clone, skb);
    clone->len = skb->len;
    clone->head = skb->head;
    clone->data = skb->data;
    clone->tail = skb->tail;
    clone->end = skb->end;
    clone->truesize = skb->truesize;
    refcount_set(&clone->users, 1);
    atomic_inc(&skb_shinfo(skb)->dataref);
    skb->cloned = clone->cloned = 1;
    return clone;
}

struct sk_buff *skb_copy(const struct sk_buff *skb, gfp_t gfp)
{
    struct sk_buff *copy = alloc_skb(skb->end, gfp);

    if (!copy)
        return NULL;
    copy_header(copy, skb);
    skb_reserve(copy, (int)skb_headroom(skb));
    memcpy(skb_put(copy, skb->len), skb->data, skb->len);
    return copy;
}

void skb_orphan(struct sk_buff *skb)
{
    void (*destructor)(struct sk_buff *) = skb->destructor;

    skb->destructor = NULL;
    if (destructor)
        destructor(skb);
}

static void skb_release(struct sk_buff *skb)
{
    if (!skb || !refcount_dec_and_test(&skb->users))
        return;
    skb_orphan(skb);
    if (atomic_dec_and_test(&skb_shinfo(skb)->dataref))
        kfree(skb->head);
    kfree(skb);
}

void kfree_skb(struct sk_buff *skb)
{
    skb_release(skb);
}

void consume_skb(struct sk_buff *skb)
{
    skb_release(skb);
}

void *skb_put(struct sk_buff *skb, unsigned int len)
{
    void *tail = skb_tail_pointer(skb);

    skb->tail += len;
    skb->len += len;
    BUG_ON(skb->tail > skb->end);
    return tail;
}

void *skb_push(struct sk_buff *skb, unsigned int len)
{
    BUG_ON(len > skb_headroom(skb));
    skb->data -= len;
    skb->len += len;
    return skb->data;
}

void *skb_pull(struct sk_buff *skb, unsigned int len)
{
    if (len > skb->len)
        return NULL;
    skb->len -= len;
    return skb->data += len;
}

void skb_trim(struct sk_buff *skb, unsigned int len)
{
    if (skb->len <= len)
        return;
    skb->tail -= skb->len - len;
    skb->len = len;
}

/* Move the frame into a larger head. */
static int expand(struct sk_buff *skb, unsigned int more)
{
    size_t room = SKB_DATA_ALIGN((size_t)skb->end + more);
    unsigned char *head = kmalloc(room + sizeof(struct skb_shared_info), GFP_ATOMIC);
    struct skb_shared_info *shared = skb_shinfo(skb);

    if (!head)
        return -ENOMEM;
    memcpy(head, skb->head, skb->tail);
    memcpy(head + room, shared, sizeof(*shared));
    skb->data = head + skb_headroom(skb);
    if (atomic_dec_and_test(&shared->dataref))
        kfree(skb->head);
    skb->head = head;
    skb->end = (sk_buff_data_t)room;
    skb->cloned = 0;
    atomic_set(&skb_shinfo(skb)->dataref, 1);
    return 0;
}

int skb_put_padto(struct sk_buff *skb, unsigned int len)
{
    unsigned int missing;

    if (skb->len >= len)
        return 0;
    missing = len - skb->len;
    if ((skb->cloned || skb_tailroom(skb) < (int)missing) && expand(skb, missing)) {
        kfree_skb(skb);
        return -ENOMEM;
    }
    skb_put_zero(skb, missing);
    return 0;
}

int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int len)
{
    if (offset < 0 || len < 0 || (unsigned int)offset + (unsigned int)len > skb->len)
        return -EFAULT;
    memcpy(to, skb->data + offset, (size_t)len);
    return 0;
}

/* The Internet checksum (RFC 1071) of a piece, ready to be stored in network order. Zero, which UDP takes for
 * "none", is sent as its equal 0xffff. */
static u16 internet_checksum(const u8 *data, size_t length)
{
    u32 sum = 0;

    for (size_t i = 0; i + 1 < length; i += 2)
        sum += (u32)data[i] << 8 | data[i + 1];
    if (length % 2)
        sum += (u32)data[length - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    sum = ~sum & 0xffff;
    return (u16)(sum ? sum : 0xffff);
}

/* Fill in the checksum of a frame that lies at data; the place is zeroed or holds the pseudo header's sum. */
static void fill_checksum(const struct sk_buff *skb, u8 *data)
{
    size_t start = (size_t)skb_checksum_start_offset(skb);
    u16 checksum = internet_checksum(data + start, skb->len - start);

    data[start + skb->csum_offset] = (u8)(checksum >> 8);
    data[start + skb->csum_offset + 1] = (u8)checksum;
}

void skb_copy_and_csum_dev(const struct sk_buff *skb, u8 *to)
{
    memcpy(to, skb->data, skb->len);
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        fill_checksum(skb, to);
}

int skb_checksum_help(struct sk_buff *skb)
{
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        fill_checksum(skb, skb->data);
    skb->ip_summed = CHECKSUM_NONE;
    return 0;
}

/* --- Lists --------------------------------------------------------------------------------------------- */

void __skb_queue_head_init(struct sk_buff_head *list)
{
    list->next = list->prev = (struct sk_buff *)list;
    list->qlen = 0;
}

void skb_queue_head_init(struct sk_buff_head *list)
{
    __skb_queue_head_init(list);
    spin_lock_init(&list->lock);
}

static void link_between(struct sk_buff_head *list, struct sk_buff *prev, struct sk_buff *skb,
                         struct sk_buff *next)
{
    skb->prev = prev;
    skb->next = next;
    prev->next = skb;
    next->prev = skb;
    list->qlen++;
}

void __skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb)
{
    link_between(list, list->prev, skb, (struct sk_buff *)list);
}

void __skb_queue_head(struct sk_buff_head *list, struct sk_buff *skb)
{
    link_between(list, (struct sk_buff *)list, skb, list->next);
}

void __skb_unlink(struct sk_buff *skb, struct sk_buff_head *list)
{
    skb->prev->next = skb->next;
    skb->next->prev = skb->prev;
    skb->next = skb->prev = NULL;
    list->qlen--;
}

struct sk_buff *__skb_dequeue(struct sk_buff_head *list)
{
    struct sk_buff *skb = list->next;

    if (skb == (struct sk_buff *)list)
        return NULL;
    __skb_unlink(skb, list);
    return skb;
}

void __skb_queue_purge(struct sk_buff_head *list)
{
    struct sk_buff *skb;

    while ((skb = __skb_dequeue(list)))
        kfree_skb(skb);
}

void skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb)
{
    spin_lock_irq(&list->lock);
    __skb_queue_tail(list, skb);
    spin_unlock_irq(&list->lock);
}

struct sk_buff *skb_dequeue(struct sk_buff_head *list)
{
    struct sk_buff *skb;

    spin_lock_irq(&list->lock);
    skb = __skb_dequeue(list);
    spin_unlock_irq(&list->lock);
    return skb;
}

/* The buffers are freed without the lock: their destructors may do anything. */
void skb_queue_purge(struct sk_buff_head *list)
{
    struct sk_buff *skb;

    while ((skb = skb_dequeue(list)))
        kfree_skb(skb);
}
