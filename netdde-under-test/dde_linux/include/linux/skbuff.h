/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/skbuff.h>: socket buffers, one frame each.
 *
 * A buffer's data begins in its head; what follows may lie in pages (frags), data_len bytes of len. A driver
 * that received more than frags can tell appends buffers (frag_list), as merging received frames does.
 *
 * Left out: segmentation in software (a device may do it), timestamps, sockets. A buffer's
 * owner may set destructor; it runs once, in whatever thread drops the last reference, right before the
 * memory goes, and may find what it needs through skb_shinfo(skb)->destructor_arg.
 */
#ifndef DDE_LINUX_SKBUFF_H
#define DDE_LINUX_SKBUFF_H

#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <net/flow_dissector.h>
#include <linux/string.h>

struct net_device;
struct napi_struct;

/* ip_summed */
#define CHECKSUM_NONE 0        /* receive: verify it; transmit: it is in place */
#define CHECKSUM_UNNECESSARY 1 /* receive: the device found it right */
#define CHECKSUM_COMPLETE 2    /* receive: the device summed the whole frame into csum */
#define CHECKSUM_PARTIAL 3     /* transmit: sum from csum_start on and store at csum_start + csum_offset */

#define SKB_DATA_ALIGN(x) (((x) + 63) & ~(size_t)63)
#define NET_IP_ALIGN 0
#define NET_SKB_PAD 64
#define MAX_SKB_FRAGS 17

typedef unsigned int sk_buff_data_t; /* offset from head */

struct sk_buff {
    /* First, and in this order: struct sk_buff_head has the same two. */
    struct sk_buff *next;
    struct sk_buff *prev;

    struct net_device *dev;
    void (*destructor)(struct sk_buff *skb);
    char cb[48] __aligned(8); /* belongs to the layer that has the buffer now */

    unsigned int len, data_len;
    u16 mac_len;
    u16 queue_mapping;
    u8 cloned : 1, pkt_type : 3, ip_summed : 2, vlan_present : 1, no_fcs : 1;
    u8 head_frag : 1; /* the head is from netdev_alloc_frag */
    u8 l4_hash : 1;
    u32 hash; /* of its flow; 0: unknown */
    u32 priority;
    u32 mark;
    union {
        u32 csum;
        struct {
            u16 csum_start; /* offset from head */
            u16 csum_offset;
        };
    };
    __be16 protocol;
    __be16 vlan_proto;
    u16 vlan_tci;
    u16 transport_header; /* offsets from head */
    u16 network_header;
    u16 mac_header;

    sk_buff_data_t tail;
    sk_buff_data_t end;
    unsigned char *head, *data;
    unsigned int truesize;
    refcount_t users;
};

/* A piece of a page; the buffer has a reference to it. */
typedef struct skb_frag {
    struct page *page;
    u32 offset;
    u32 size;
} skb_frag_t;

/* gso_type: what the device is to make segments of. */
enum {
    SKB_GSO_TCPV4 = 1 << 0,
    SKB_GSO_DODGY = 1 << 1, /* from somebody who is not to be trusted */
    SKB_GSO_TCP_ECN = 1 << 2,
    SKB_GSO_TCP_FIXEDID = 1 << 3, /* all with the IPv4 identification of the first */
    SKB_GSO_TCPV6 = 1 << 4,
    SKB_GSO_UDP = 1 << 16,
    SKB_GSO_UDP_L4 = 1 << 17,
};
#define GSO_BY_FRAGS 0xffff

/* How much of a frame its hash covers. */
enum pkt_hash_types { PKT_HASH_TYPE_NONE, PKT_HASH_TYPE_L2, PKT_HASH_TYPE_L3, PKT_HASH_TYPE_L4 };

/* Lies behind the data, at end; shared by all clones. */
struct skb_shared_info {
    u8 nr_frags;
    u16 gso_size;
    u16 gso_segs;
    unsigned int gso_type;
    struct sk_buff *frag_list; /* what did not fit into frags, linked by next */
    atomic_t dataref;
    void *destructor_arg;
    skb_frag_t frags[MAX_SKB_FRAGS]; /* last, as only nr_frags of them are initialised */
};

struct sk_buff_head {
    struct sk_buff *next;
    struct sk_buff *prev;
    u32 qlen;
    spinlock_t lock; /* taken by the functions without underscores */
};

#define skb_shinfo(skb) ((struct skb_shared_info *)(skb_end_pointer(skb)))

/* A buffer of size bytes of room, without headroom; with one reference. NULL when there is no memory. */
struct sk_buff *alloc_skb(unsigned int size, gfp_t priority);
/* As alloc_skb for dev, with NET_SKB_PAD (and NET_IP_ALIGN) bytes of headroom. */
struct sk_buff *__netdev_alloc_skb(struct net_device *dev, unsigned int length, gfp_t gfp);
struct sk_buff *napi_alloc_skb(struct napi_struct *napi, unsigned int length);
/* Memory for napi_build_skb, or to be given back with skb_free_frag, at any address inside of it; at most
 * PAGE_SIZE bytes. NULL when there is none. */
void *netdev_alloc_frag(unsigned int size);
/* Make room for size bytes at frag->offset of frag->page, in a new page if need be; the caller moves the
 * offset and takes the piece's reference. False without memory. */
bool skb_page_frag_refill(unsigned int size, struct page_frag *frag, gfp_t gfp);
void skb_free_frag(void *memory);
/* The same for memory of any page. */
#define build_skb(memory, size) napi_build_skb((memory), (size))
/* An empty buffer in such memory, of size bytes with the room that the shared part takes. It owns the memory
 * then. */
struct sk_buff *napi_build_skb(void *memory, unsigned int size);
struct sk_buff *skb_clone(struct sk_buff *skb, gfp_t gfp);
struct sk_buff *skb_copy(const struct sk_buff *skb, gfp_t gfp);

/* Drop one reference. kfree_skb is for a buffer that was dropped, consume_skb for one that arrived. */
void kfree_skb(struct sk_buff *skb);
void consume_skb(struct sk_buff *skb);
/* Free what is left of a buffer that somebody has taken the frags of, and the head, too, if so. */
void kfree_skb_partial(struct sk_buff *skb, bool head_stolen);
/* From a poll function with its budget, or with 0 from anywhere. */
void napi_consume_skb(struct sk_buff *skb, int budget);
/* Run the destructor now and forget it. */
void skb_orphan(struct sk_buff *skb);

/* Grow or shrink the data. Overrunning the buffer is a bug and ends the process. */
void *skb_put(struct sk_buff *skb, unsigned int len);
void *skb_push(struct sk_buff *skb, unsigned int len);
void *skb_pull(struct sk_buff *skb, unsigned int len);
void skb_trim(struct sk_buff *skb, unsigned int len);
/* Pad with zeroes up to len bytes. Returns 0, or -ENOMEM after freeing skb. The second form leaves the zeroes
 * behind the end: the buffer is no longer than it was. */
int skb_put_padto(struct sk_buff *skb, unsigned int len);
int skb_padto(struct sk_buff *skb, unsigned int len);

/* Shorten it, wherever it ends. Returns 0. */
int pskb_trim(struct sk_buff *skb, unsigned int len);

/* Append a piece of a page, whose reference the buffer takes over. len and data_len are the caller's. */
void skb_fill_page_desc(struct sk_buff *skb, int i, struct page *page, int off, int size);
/* The same, and count them. truesize: what the piece occupies. */
void skb_add_rx_frag(struct sk_buff *skb, int i, struct page *page, int off, int size, unsigned int truesize);
/* Make the last piece longer, by what follows it in its page. */
void skb_coalesce_rx_frag(struct sk_buff *skb, int i, int size, unsigned int truesize);
/* Move the next delta bytes from the pages into the head. Returns the end of the head's data, NULL without
 * memory. */
void *__pskb_pull_tail(struct sk_buff *skb, int delta);
/* All of it in the head. 0 or -ENOMEM. */
int skb_linearize(struct sk_buff *skb);
/* Make the headers writable, with that much room in front. 0 or -ENOMEM. */
int skb_cow_head(struct sk_buff *skb, unsigned int headroom);

/* Let the first len bytes lie in the head. */
bool pskb_may_pull(struct sk_buff *skb, unsigned int len);
/* Describe len bytes from offset on as a list of pieces, the last one marked. Returns how many. */
struct scatterlist;
int skb_to_sgvec(struct sk_buff *skb, struct scatterlist *sg, int offset, int len);
/* The checksum from start on is to be filled in at start + off. False for a frame that is too short. */
bool skb_partial_csum_set(struct sk_buff *skb, u16 start, u16 off);

/* Copy len bytes from offset on. Returns 0, or -EFAULT when skb is too short. */
int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int len);
/* Add the one's complement sum of len bytes from offset on, all of which skb has, to sum. */
__wsum skb_checksum(const struct sk_buff *skb, int offset, int len, __wsum sum);
/* Copy the whole frame to to, with the checksum filled in that CHECKSUM_PARTIAL asks for. */
void skb_copy_and_csum_dev(const struct sk_buff *skb, u8 *to);
/* Fill in the checksum that CHECKSUM_PARTIAL asks for. Returns 0 or -ENOMEM. */
int skb_checksum_help(struct sk_buff *skb);

void skb_queue_head_init(struct sk_buff_head *list);
void __skb_queue_head_init(struct sk_buff_head *list); /* without the lock */
void skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb);
struct sk_buff *skb_dequeue(struct sk_buff_head *list);
void skb_queue_purge(struct sk_buff_head *list);
void __skb_queue_tail(struct sk_buff_head *list, struct sk_buff *skb);
void __skb_queue_head(struct sk_buff_head *list, struct sk_buff *skb);
struct sk_buff *__skb_dequeue(struct sk_buff_head *list);
void __skb_unlink(struct sk_buff *skb, struct sk_buff_head *list);
void __skb_queue_purge(struct sk_buff_head *list);

static inline int skb_queue_empty(const struct sk_buff_head *list)
{
    return list->next == (const struct sk_buff *)list;
}

static inline u32 skb_queue_len(const struct sk_buff_head *list)
{
    return list->qlen;
}

static inline struct sk_buff *netdev_alloc_skb(struct net_device *dev, unsigned int length)
{
    return __netdev_alloc_skb(dev, length, GFP_ATOMIC);
}

static inline struct sk_buff *dev_alloc_skb(unsigned int length)
{
    return netdev_alloc_skb(NULL, length);
}

static inline struct sk_buff *netdev_alloc_skb_ip_align(struct net_device *dev, unsigned int length)
{
    return netdev_alloc_skb(dev, length);
}

static inline struct sk_buff *skb_get(struct sk_buff *skb)
{
    refcount_inc(&skb->users);
    return skb;
}

static inline int skb_shared(const struct sk_buff *skb)
{
    return refcount_read(&skb->users) != 1;
}

static inline unsigned char *skb_end_pointer(const struct sk_buff *skb)
{
    return skb->head + skb->end;
}

static inline unsigned char *skb_tail_pointer(const struct sk_buff *skb)
{
    return skb->head + skb->tail;
}

static inline void skb_reset_tail_pointer(struct sk_buff *skb)
{
    skb->tail = (sk_buff_data_t)(skb->data - skb->head);
}

static inline unsigned int skb_headroom(const struct sk_buff *skb)
{
    return (unsigned int)(skb->data - skb->head);
}

static inline int skb_tailroom(const struct sk_buff *skb)
{
    return (int)(skb->end - skb->tail);
}

static inline unsigned int skb_headlen(const struct sk_buff *skb)
{
    return skb->len - skb->data_len;
}

static inline bool skb_is_nonlinear(const struct sk_buff *skb)
{
    return skb->data_len != 0;
}

/* Only on an empty buffer. */
static inline void skb_reserve(struct sk_buff *skb, int len)
{
    skb->data += len;
    skb->tail += (unsigned int)len;
}

static inline void *skb_put_data(struct sk_buff *skb, const void *data, unsigned int len)
{
    return memcpy(skb_put(skb, len), data, len);
}

static inline void *skb_put_zero(struct sk_buff *skb, unsigned int len)
{
    return memset(skb_put(skb, len), 0, len);
}

static inline unsigned char *skb_mac_header(const struct sk_buff *skb)
{
    return skb->head + skb->mac_header;
}

static inline void skb_reset_mac_header(struct sk_buff *skb)
{
    skb->mac_header = (u16)(skb->data - skb->head);
}

static inline unsigned char *skb_network_header(const struct sk_buff *skb)
{
    return skb->head + skb->network_header;
}

static inline void skb_reset_network_header(struct sk_buff *skb)
{
    skb->network_header = (u16)(skb->data - skb->head);
}

static inline unsigned char *skb_transport_header(const struct sk_buff *skb)
{
    return skb->head + skb->transport_header;
}

static inline void skb_reset_transport_header(struct sk_buff *skb)
{
    skb->transport_header = (u16)(skb->data - skb->head);
}

static inline void skb_set_transport_header(struct sk_buff *skb, int offset)
{
    skb_reset_transport_header(skb);
    skb->transport_header = (u16)(skb->transport_header + offset);
}

static inline int skb_transport_offset(const struct sk_buff *skb)
{
    return (int)(skb_transport_header(skb) - skb->data);
}

static inline int skb_network_offset(const struct sk_buff *skb)
{
    return (int)(skb_network_header(skb) - skb->data);
}

static inline bool skb_is_gso(const struct sk_buff *skb)
{
    return skb_shinfo(skb)->gso_size != 0;
}

static inline bool skb_is_gso_v6(const struct sk_buff *skb)
{
    return skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6;
}

static inline unsigned int skb_frag_size(const skb_frag_t *frag)
{
    return frag->size;
}

static inline unsigned int skb_frag_off(const skb_frag_t *frag)
{
    return frag->offset;
}

static inline void skb_frag_size_add(skb_frag_t *frag, int delta)
{
    frag->size += (u32)delta;
}

static inline struct page *skb_frag_page(const skb_frag_t *frag)
{
    return frag->page;
}

static inline void *skb_frag_address(const skb_frag_t *frag)
{
    return (char *)page_address(frag->page) + frag->offset;
}

/* Whether a piece at off of the page follows the last one, number i - 1. */
static inline bool skb_can_coalesce(struct sk_buff *skb, int i, const struct page *page, int off)
{
    const skb_frag_t *last = i ? &skb_shinfo(skb)->frags[i - 1] : NULL;

    return last && last->page == page && (u32)off == last->offset + last->size;
}

static inline int skb_checksum_start_offset(const struct sk_buff *skb)
{
    return skb->csum_start - (int)skb_headroom(skb);
}

static inline void skb_copy_to_linear_data(struct sk_buff *skb, const void *from, unsigned int len)
{
    memcpy(skb->data, from, len);
}

static inline void skb_copy_to_linear_data_offset(struct sk_buff *skb, int offset, const void *from,
                                                  unsigned int len)
{
    memcpy(skb->data + offset, from, len);
}

static inline void skb_copy_from_linear_data(const struct sk_buff *skb, void *to, unsigned int len)
{
    memcpy(to, skb->data, len);
}

/* Whether somebody else sees the headers. */
static inline int skb_header_cloned(const struct sk_buff *skb)
{
    return skb->cloned && atomic_read(&skb_shinfo(skb)->dataref) != 1;
}

static inline void *__skb_push(struct sk_buff *skb, unsigned int len)
{
    skb->len += len;
    return skb->data -= len;
}

static inline void *__skb_pull(struct sk_buff *skb, unsigned int len)
{
    skb->len -= len;
    return skb->data += len;
}

static inline void skb_set_hash(struct sk_buff *skb, u32 hash, enum pkt_hash_types type)
{
    skb->l4_hash = type == PKT_HASH_TYPE_L4;
    skb->hash = hash;
}

/* Which queue it came by: nobody asks. */
/* Of a received frame queue_mapping is 1 more than the number of its queue; 0: it is not known. */
static inline void skb_record_rx_queue(struct sk_buff *skb, u16 queue)
{
    skb->queue_mapping = (u16)(queue + 1);
}

static inline bool skb_rx_queue_recorded(const struct sk_buff *skb)
{
    return skb->queue_mapping != 0;
}

static inline u16 skb_get_rx_queue(const struct sk_buff *skb)
{
    return (u16)(skb->queue_mapping - 1);
}

/* Of its flow, by its headers if the device has not told it; the same both ways. 0: it has none. */
u32 skb_get_hash(struct sk_buff *skb);

/* It holds no route and no connection. */
#define skb_dst_drop(skb) ((void)(skb))
#define nf_reset_ct(skb) ((void)(skb))
/* For programs, of which there are none: see <linux/bpf.h>. */
#define skb_metadata_set(skb, len) ((void)(skb), (void)(len))

static inline void skb_checksum_none_assert(const struct sk_buff *skb __always_unused) {}

static inline void skb_tx_timestamp(struct sk_buff *skb __always_unused) {}

/* Whether somebody else delivers skb, who waits for its time stamp. */
static inline bool skb_defer_rx_timestamp(struct sk_buff *skb __always_unused)
{
    return false;
}

static inline void skb_set_queue_mapping(struct sk_buff *skb, u16 queue)
{
    skb->queue_mapping = queue;
}

static inline u16 skb_get_queue_mapping(const struct sk_buff *skb)
{
    return skb->queue_mapping;
}

#endif
