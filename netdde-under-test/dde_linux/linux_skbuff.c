/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Socket buffers, see <linux/skbuff.h>: a record, and a head with the data and, behind it, what all clones
 * share, the pieces of pages among it.
 *
 * The buffers in a frag_list belong to the head, as its pages do, and have no frag_list themselves.
 */
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/scatterlist.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/checksum.h>

#define NO_HEADER ((u16)~0u)

/* Give a record the head, with so many bytes of room in front of the shared part. */
static void use_head(struct sk_buff *skb, unsigned char *head, size_t room)
{
    skb->head = skb->data = head;
    skb->end = (sk_buff_data_t)room;
    skb->truesize = (unsigned int)(room + sizeof(*skb) + sizeof(struct skb_shared_info));
    skb->mac_header = skb->transport_header = NO_HEADER;
    refcount_set(&skb->users, 1);
    memset(skb_shinfo(skb), 0, offsetof(struct skb_shared_info, frags));
    atomic_set(&skb_shinfo(skb)->dataref, 1);
}

struct sk_buff *alloc_skb(unsigned int size, gfp_t priority)
{
    size_t room = SKB_DATA_ALIGN((size_t)size);
    struct sk_buff *skb = kzalloc(sizeof(*skb), priority);
    unsigned char *head = skb ? kmalloc(room + sizeof(struct skb_shared_info), priority) : NULL;

    if (!head) {
        kfree(skb);
        return NULL;
    }
    use_head(skb, head, room);
    return skb;
}

struct sk_buff *napi_build_skb(void *memory, unsigned int size)
{
    struct sk_buff *skb = kzalloc(sizeof(*skb), GFP_ATOMIC);

    if (!skb)
        return NULL;
    skb->head_frag = 1;
    use_head(skb, memory, size - SKB_DATA_ALIGN(sizeof(struct skb_shared_info)));
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
    to->no_fcs = from->no_fcs;
    to->l4_hash = from->l4_hash;
    to->hash = from->hash;
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
    clone->data_len = skb->data_len;
    clone->head = skb->head;
    clone->head_frag = skb->head_frag;
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
    struct sk_buff *copy = alloc_skb(skb->end + skb->data_len, gfp);

    if (!copy)
        return NULL;
    copy_header(copy, skb);
    skb_reserve(copy, (int)skb_headroom(skb));
    memcpy(copy->head, skb->head, skb_headroom(skb)); /* headers that were pulled */
    skb_copy_bits(skb, 0, skb_put(copy, skb->len), (int)skb->len);
    return copy;
}

void skb_orphan(struct sk_buff *skb)
{
    void (*destructor)(struct sk_buff *) = skb->destructor;

    skb->destructor = NULL;
    if (destructor)
        destructor(skb);
}

/* Give back the reference to the head and to what belongs to it. */
static void release_data(struct sk_buff *skb)
{
    struct skb_shared_info *shared = skb_shinfo(skb);

    if (!atomic_dec_and_test(&shared->dataref))
        return;
    for (int i = 0; i < shared->nr_frags; i++)
        put_page(shared->frags[i].page);
    for (struct sk_buff *part = shared->frag_list, *next; part; part = next) {
        next = part->next;
        kfree_skb(part);
    }
    if (skb->head_frag)
        skb_free_frag(skb->head);
    else
        kfree(skb->head);
}

static void skb_release(struct sk_buff *skb)
{
    if (!skb || !refcount_dec_and_test(&skb->users))
        return;
    skb_orphan(skb);
    release_data(skb);
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

void kfree_skb_partial(struct sk_buff *skb, bool head_stolen)
{
    if (!head_stolen) {
        kfree_skb(skb);
        return;
    }
    skb_orphan(skb);
    kfree(skb);
}

void napi_consume_skb(struct sk_buff *skb, int budget)
{
    if (budget == 0)
        dev_consume_skb_any(skb);
    else
        consume_skb(skb);
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

/* Move the frame into a head of its own, with more room behind the data. */
static int expand(struct sk_buff *skb, unsigned int more)
{
    size_t room = SKB_DATA_ALIGN((size_t)skb->end + more);
    unsigned char *head = kmalloc(room + sizeof(struct skb_shared_info), GFP_ATOMIC);
    struct skb_shared_info *shared = skb_shinfo(skb);

    if (!head)
        return -ENOMEM;
    for (struct sk_buff *part = shared->frag_list; part; part = part->next)
        skb_get(part);
    memcpy(head, skb->head, skb->tail);
    memcpy(head + room, shared, sizeof(*shared));
    for (int i = 0; i < shared->nr_frags; i++)
        get_page(shared->frags[i].page);
    skb->data = head + skb_headroom(skb);
    release_data(skb);
    skb->head = head;
    skb->head_frag = 0;
    skb->end = (sk_buff_data_t)room;
    skb->cloned = 0;
    atomic_set(&skb_shinfo(skb)->dataref, 1);
    return 0;
}

int skb_padto(struct sk_buff *skb, unsigned int len)
{
    unsigned int missing;

    if (skb->len >= len)
        return 0;
    if (skb_linearize(skb)) {
        kfree_skb(skb);
        return -ENOMEM;
    }
    missing = len - skb->len;
    if ((skb->cloned || skb_tailroom(skb) < (int)missing) && expand(skb, missing)) {
        kfree_skb(skb);
        return -ENOMEM;
    }
    memset(skb_tail_pointer(skb), 0, missing);
    return 0;
}

int skb_put_padto(struct sk_buff *skb, unsigned int len)
{
    if (skb->len >= len)
        return 0;
    if (skb_padto(skb, len))
        return -ENOMEM;
    skb_put(skb, len - skb->len);
    return 0;
}

/* Gets pieces of a buffer, one after the other. */
typedef void (*take_piece)(void *context, const void *piece, unsigned int length);

/* The next bytes of a walk over a buffer: length of them, of which it skips and takes what it has to. */
struct walk {
    unsigned int from, left; /* bytes to be skipped first; to be taken then */
    take_piece take;
    void *context;
};

static void walk_piece(struct walk *walk, const void *bytes, unsigned int length)
{
    unsigned int skipped = min(walk->from, length), taken = min(walk->left, length - skipped);

    walk->from -= skipped;
    walk->left -= taken;
    if (taken)
        walk->take(walk->context, (const char *)bytes + skipped, taken);
}

static void walk_buffer(struct walk *walk, const struct sk_buff *skb)
{
    const struct skb_shared_info *shared = skb_shinfo(skb);

    walk_piece(walk, skb->data, skb_headlen(skb));
    for (int i = 0; walk->left > 0 && i < shared->nr_frags; i++)
        walk_piece(walk, skb_frag_address(&shared->frags[i]), shared->frags[i].size);
    for (const struct sk_buff *part = shared->frag_list; walk->left > 0 && part; part = part->next)
        walk_buffer(walk, part);
}

static void copy_piece(void *context, const void *piece, unsigned int length)
{
    char **to = context;

    memcpy(*to, piece, length);
    *to += length;
}

int skb_copy_bits(const struct sk_buff *skb, int offset, void *to, int len)
{
    struct walk walk = {(unsigned int)offset, (unsigned int)len, copy_piece, &to};

    if (offset < 0 || len < 0 || walk.from + walk.left > skb->len)
        return -EFAULT;
    walk_buffer(&walk, skb);
    return 0;
}

/* --- Pages --------------------------------------------------------------------------------------------- */

void skb_fill_page_desc(struct sk_buff *skb, int i, struct page *page, int off, int size)
{
    struct skb_shared_info *shared = skb_shinfo(skb);

    BUG_ON(i >= MAX_SKB_FRAGS);
    shared->frags[i] = (skb_frag_t){.page = page, .offset = (u32)off, .size = (u32)size};
    shared->nr_frags = (u8)(i + 1);
}

void skb_add_rx_frag(struct sk_buff *skb, int i, struct page *page, int off, int size, unsigned int truesize)
{
    skb_fill_page_desc(skb, i, page, off, size);
    skb->len += (unsigned int)size;
    skb->data_len += (unsigned int)size;
    skb->truesize += truesize;
}

void skb_coalesce_rx_frag(struct sk_buff *skb, int i, int size, unsigned int truesize)
{
    skb_frag_size_add(&skb_shinfo(skb)->frags[i], size);
    skb->len += (unsigned int)size;
    skb->data_len += (unsigned int)size;
    skb->truesize += truesize;
}

/* Take bytes off the front of the pages, then of the buffers behind them, which go whole. */
static void drop_from_pages(struct sk_buff *skb, unsigned int count)
{
    struct skb_shared_info *shared = skb_shinfo(skb);
    u8 kept = 0;

    skb->data_len -= count;
    for (int i = 0; i < shared->nr_frags; i++) {
        skb_frag_t frag = shared->frags[i];
        unsigned int gone = min(count, frag.size);

        count -= gone;
        frag.offset += gone;
        frag.size -= gone;
        if (frag.size == 0)
            put_page(frag.page);
        else
            shared->frags[kept++] = frag;
    }
    shared->nr_frags = kept;
    while (count > 0) {
        struct sk_buff *part = shared->frag_list;

        BUG_ON(part->len > count);
        count -= part->len;
        shared->frag_list = part->next;
        kfree_skb(part);
    }
}

void *__pskb_pull_tail(struct sk_buff *skb, int delta)
{
    unsigned int count = (unsigned int)delta;

    if (count > skb->data_len)
        return NULL;
    if ((skb->cloned || skb_tailroom(skb) < delta) && expand(skb, count))
        return NULL;
    skb_copy_bits(skb, (int)skb_headlen(skb), skb_tail_pointer(skb), delta);
    drop_from_pages(skb, count);
    skb->tail += count;
    return skb_tail_pointer(skb);
}

int skb_linearize(struct sk_buff *skb)
{
    return !skb_is_nonlinear(skb) || __pskb_pull_tail(skb, (int)skb->data_len) ? 0 : -ENOMEM;
}

bool pskb_may_pull(struct sk_buff *skb, unsigned int len)
{
    if (len <= skb_headlen(skb))
        return true;
    return len <= skb->len && __pskb_pull_tail(skb, (int)(len - skb_headlen(skb)));
}

/* How far a list of pieces has come. */
struct sg_walk {
    struct scatterlist *sg;
    unsigned int from, left;
    int count;
};

/* Returns the entry for as much as is wanted of the next length bytes, with its offset in them; NULL for
 * none. */
static struct scatterlist *next_piece(struct sg_walk *walk, unsigned int length, unsigned int *offset)
{
    struct scatterlist *sg = &walk->sg[walk->count];

    if (walk->from >= length) {
        walk->from -= length;
        return NULL;
    }
    *offset = walk->from;
    sg->length = min(length - walk->from, walk->left);
    walk->left -= sg->length;
    walk->from = 0;
    if (sg->length)
        walk->count++;
    return sg->length ? sg : NULL;
}

int skb_to_sgvec(struct sk_buff *skb, struct scatterlist *sg, int offset, int len)
{
    const struct skb_shared_info *shared = skb_shinfo(skb);
    struct sg_walk walk = {.sg = sg, .from = (unsigned int)offset, .left = (unsigned int)len};
    struct scatterlist *piece;
    unsigned int at;

    if (offset < 0 || len <= 0 || walk.from + walk.left > skb->len || shared->frag_list)
        return -EMSGSIZE;
    piece = next_piece(&walk, skb_headlen(skb), &at);
    if (piece)
        sg_set_buf(piece, skb->data + at, piece->length);
    for (int i = 0; i < shared->nr_frags; i++) {
        const skb_frag_t *frag = &shared->frags[i];

        piece = next_piece(&walk, frag->size, &at);
        if (piece)
            sg_set_page(piece, frag->page, piece->length, frag->offset + at);
    }
    sg_mark_end(&sg[walk.count - 1]);
    return walk.count;
}

int pskb_trim(struct sk_buff *skb, unsigned int len)
{
    struct skb_shared_info *shared = skb_shinfo(skb);
    unsigned int end = skb_headlen(skb);
    u8 kept = 0;

    if (skb->len <= len)
        return 0;
    if (!skb_is_nonlinear(skb)) {
        skb_trim(skb, len);
        return 0;
    }
    if (skb->cloned && expand(skb, 0))
        return -ENOMEM;
    shared = skb_shinfo(skb);
    if (len < end)
        skb->tail -= end - len;
    for (int i = 0; i < shared->nr_frags; i++) {
        skb_frag_t *frag = &shared->frags[i];

        if (end >= len) {
            put_page(frag->page);
            continue;
        }
        frag->size = min(frag->size, len - end);
        end += frag->size;
        kept++;
    }
    shared->nr_frags = kept;
    skb->len = len;
    skb->data_len = len > skb->tail - skb_headroom(skb) ? len - (skb->tail - skb_headroom(skb)) : 0;
    return 0;
}

int skb_cow_head(struct sk_buff *skb, unsigned int headroom)
{
    unsigned int missing = headroom > skb_headroom(skb) ? headroom - skb_headroom(skb) : 0;
    unsigned int length = skb_headlen(skb);

    if (!missing && !skb->cloned)
        return 0;
    if (expand(skb, missing))
        return -ENOMEM;
    memmove(skb->data + missing, skb->data, length);
    skb->data += missing;
    skb->tail += missing;
    skb->mac_header = (u16)(skb->mac_header + missing);
    skb->network_header = (u16)(skb->network_header + missing);
    skb->transport_header = (u16)(skb->transport_header + missing);
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        skb->csum_start = (u16)(skb->csum_start + missing);
    return 0;
}

/* --- Checksums ----------------------------------------------------------------------------------------- */

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

struct sum {
    __wsum total;
    bool odd; /* the next byte is the second one of a 16-bit word */
};

/* What begins with the second byte of a word is summed with its bytes exchanged (RFC 1071, section 2B). */
static void add_piece(void *context, const void *piece, unsigned int length)
{
    struct sum *sum = context;
    u32 total = (u32)sum->total;

    if (sum->odd)
        total = total << 8 | total >> 24;
    total = (u32)csum_partial(piece, (int)length, (__wsum)total);
    if (sum->odd)
        total = total >> 8 | total << 24;
    sum->total = (__wsum)total;
    sum->odd ^= length % 2;
}

__wsum skb_checksum(const struct sk_buff *skb, int offset, int len, __wsum start)
{
    struct sum sum = {.total = start};
    struct walk walk = {(unsigned int)offset, (unsigned int)len, add_piece, &sum};

    BUG_ON(offset < 0 || len < 0 || walk.from + walk.left > skb->len);
    walk_buffer(&walk, skb);
    return sum.total;
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
    skb_copy_bits(skb, 0, to, (int)skb->len);
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        fill_checksum(skb, to);
}

int skb_checksum_help(struct sk_buff *skb)
{
    if (skb_linearize(skb) || (skb->cloned && expand(skb, 0)))
        return -ENOMEM;
    if (skb->ip_summed == CHECKSUM_PARTIAL)
        fill_checksum(skb, skb->data);
    skb->ip_summed = CHECKSUM_NONE;
    return 0;
}

bool skb_partial_csum_set(struct sk_buff *skb, u16 start, u16 off)
{
    unsigned int begin = skb_headroom(skb) + start;

    if (start + (u32)off + sizeof(__sum16) > skb_headlen(skb) || begin > NO_HEADER)
        return false;
    skb->ip_summed = CHECKSUM_PARTIAL;
    skb->csum_start = (u16)begin;
    skb->csum_offset = off;
    skb->transport_header = (u16)begin;
    return true;
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
