/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Split virtqueues from the device's side: see virtqueue.h. */
#include "harness/nic/virtqueue.h"

#include <stdatomic.h>

#include "harness/machine/dma.h"
#include "harness/nic/octets.h"

/* struct virtq_desc (2.6.5). */
enum { DESC_ADDR = 0, DESC_LEN = 8, DESC_FLAGS = 12, DESC_NEXT = 14, DESC_BYTES = 16 };
enum { DESC_F_NEXT = 1, DESC_F_WRITE = 2, DESC_F_INDIRECT = 4 };

/* struct virtq_avail (2.6.6), struct virtq_used (2.6.8): flags, idx, the ring, and the other side's event
 * index. */
enum { RING_FLAGS = 0, RING_IDX = 2, RING_ENTRIES = 4, AVAIL_ENTRY_BYTES = 2, USED_ENTRY_BYTES = 8 };
#define AVAIL_F_NO_INTERRUPT 1u
#define USED_F_NO_NOTIFY 1u

void virtqueue_reset(struct virtqueue *queue)
{
    *queue = (struct virtqueue){.dma = queue->dma, .object = queue->object};
}

static bool read_word(struct virtqueue *queue, uint64_t address, uint16_t *word)
{
    uint8_t bytes[2];

    if (!dma_read(queue->dma, address, bytes, sizeof bytes, queue->object))
        return false;
    *word = (uint16_t)get_le(bytes, sizeof bytes);
    return true;
}

static bool write_word(struct virtqueue *queue, uint64_t address, uint16_t word)
{
    uint8_t bytes[2];

    put_le(bytes, sizeof bytes, word);
    return dma_write(queue->dma, address, bytes, sizeof bytes, queue->object);
}

/* Behind the available ring: the driver's wish. Behind the used ring: ours. */
static uint64_t used_event(const struct virtqueue *queue)
{
    return queue->available + RING_ENTRIES + AVAIL_ENTRY_BYTES * (uint64_t)queue->size;
}

static uint64_t avail_event(const struct virtqueue *queue)
{
    return queue->used + RING_ENTRIES + USED_ENTRY_BYTES * (uint64_t)queue->size;
}

/* --- Taking buffers ----------------------------------------------------------------------------------------
 */

/* A table of descriptors: the queue's, or an indirect one. */
struct table {
    uint64_t address;
    uint32_t entries;
};

struct descriptor {
    struct virtqueue_piece piece;
    uint16_t flags, next;
};

static bool read_descriptor(struct virtqueue *queue, const struct table *table, uint16_t index,
                            struct descriptor *descriptor)
{
    uint8_t bytes[DESC_BYTES];

    if (!dma_read(queue->dma, table->address + DESC_BYTES * (uint64_t)index, bytes, sizeof bytes,
                  queue->object))
        return false;
    descriptor->piece.address =
        (uint64_t)get_le(bytes + DESC_ADDR + 4, 4) << 32 | get_le(bytes + DESC_ADDR, 4);
    descriptor->piece.length = get_le(bytes + DESC_LEN, 4);
    descriptor->flags = (uint16_t)get_le(bytes + DESC_FLAGS, 2);
    descriptor->next = (uint16_t)get_le(bytes + DESC_NEXT, 2);
    return true;
}

/* Returns what is wrong with it, or NULL. */
static const char *append(struct virtqueue_chain *chain, const struct descriptor *descriptor,
                          unsigned longest)
{
    unsigned count = chain->readable + chain->writable;

    if (count == longest)
        return "the driver hands over a descriptor chain that is longer than its queue, or a loop";
    chain->pieces[count] = descriptor->piece;
    if (descriptor->flags & DESC_F_WRITE) {
        chain->writable++;
        chain->writable_octets += descriptor->piece.length;
        return NULL;
    }
    if (chain->writable)
        return "the driver hands over a descriptor chain in which the device is to read behind what it is to "
               "write";
    chain->readable++;
    chain->readable_octets += descriptor->piece.length;
    return NULL;
}

/* Indirect Descriptors (2.6.5.3). *table: which one goes on. Returns what is wrong, or NULL. */
static const char *enter_indirect(const struct virtqueue *queue, const struct descriptor *descriptor,
                                  struct table *table)
{
    if (!queue->indirect)
        return "the driver uses an indirect descriptor without VIRTIO_F_INDIRECT_DESC";
    if (table->address != queue->descriptors)
        return "the driver uses an indirect descriptor in an indirect table";
    if (descriptor->flags & (DESC_F_NEXT | DESC_F_WRITE))
        return "the driver uses an indirect descriptor that is followed by another one, or to be written";
    if (!descriptor->piece.length || descriptor->piece.length % DESC_BYTES)
        return "the driver uses an indirect table whose length is not that of whole descriptors";
    *table = (struct table){descriptor->piece.address, descriptor->piece.length / DESC_BYTES};
    return NULL;
}

/* Follow the chain that begins at the head. Returns what is wrong with it, or NULL. */
static const char *follow(struct virtqueue *queue, struct virtqueue_chain *chain)
{
    struct table table = {queue->descriptors, queue->size};
    struct descriptor descriptor = {.flags = DESC_F_NEXT, .next = chain->head};
    const char *error = NULL;

    while (!error && descriptor.flags & DESC_F_NEXT) {
        if (descriptor.next >= table.entries)
            return "the driver hands over a descriptor that is behind the end of its table";
        if (!read_descriptor(queue, &table, descriptor.next, &descriptor))
            return "";
        if (descriptor.flags & DESC_F_INDIRECT) {
            error = enter_indirect(queue, &descriptor, &table);
            descriptor = (struct descriptor){.flags = DESC_F_NEXT, .next = 0};
        } else {
            error = append(chain, &descriptor, queue->size);
        }
    }
    return error;
}

/* Look at the driver's index when all buffers are taken that it told of before. False when that was refused.
 */
static bool look(struct virtqueue *queue)
{
    return queue->available_seen != queue->next_available ||
           read_word(queue, queue->available + RING_IDX, &queue->available_seen);
}

bool virtqueue_is_empty(struct virtqueue *queue)
{
    return !look(queue) || queue->available_seen == queue->next_available;
}

enum virtqueue_answer virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain,
                                     const char **error)
{
    uint64_t entry = queue->available + RING_ENTRIES +
                     AVAIL_ENTRY_BYTES * (uint64_t)(queue->next_available & (queue->size - 1));

    *error = "";
    if (!look(queue))
        return VIRTQUEUE_ERROR;
    if (queue->available_seen == queue->next_available)
        return VIRTQUEUE_EMPTY;
    if ((uint16_t)(queue->available_seen - queue->next_available) > queue->size) {
        *error = "the driver's available index is ahead by more than its queue has entries";
        return VIRTQUEUE_ERROR;
    }
    chain->readable = chain->writable = 0;
    chain->readable_octets = chain->writable_octets = 0;
    if (!read_word(queue, entry, &chain->head))
        return VIRTQUEUE_ERROR;
    *error = follow(queue, chain);
    if (*error)
        return VIRTQUEUE_ERROR;
    queue->next_available++;
    return VIRTQUEUE_TAKEN;
}

void virtqueue_untake(struct virtqueue *queue, unsigned count)
{
    queue->next_available = (uint16_t)(queue->next_available - count);
}

/* --- What is in them ---------------------------------------------------------------------------------------
 */

/* Move octets between memory and some pieces. to_device: out of the pieces. */
static long copy(struct virtqueue *queue, const struct virtqueue_piece *pieces, unsigned count, size_t offset,
                 uint8_t *data, size_t length, bool to_device)
{
    size_t moved = 0;

    for (unsigned i = 0; i < count && moved < length; i++) {
        size_t part = pieces[i].length;

        if (offset >= part) {
            offset -= part;
            continue;
        }
        part -= offset;
        if (part > length - moved)
            part = length - moved;
        if (to_device ? !dma_read(queue->dma, pieces[i].address + offset, data + moved, part, queue->object)
                      : !dma_write(queue->dma, pieces[i].address + offset, data + moved, part, queue->object))
            return -1;
        moved += part;
        offset = 0;
    }
    return (long)moved;
}

long virtqueue_read(struct virtqueue *queue, const struct virtqueue_chain *chain, size_t offset, void *to,
                    size_t length)
{
    return copy(queue, chain->pieces, chain->readable, offset, to, length, true);
}

long virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, size_t offset,
                     const void *from, size_t length)
{
    return copy(queue, chain->pieces + chain->readable, chain->writable, offset, (uint8_t *)(uintptr_t)from,
                length, false);
}

/* --- Giving them back --------------------------------------------------------------------------------------
 */

bool virtqueue_use(struct virtqueue *queue, uint16_t head, uint32_t written)
{
    uint8_t entry[USED_ENTRY_BYTES];
    uint16_t index = queue->next_used++ & (queue->size - 1);

    put_le(entry, 4, head);
    put_le(entry + 4, 4, written);
    return dma_write(queue->dma, queue->used + RING_ENTRIES + USED_ENTRY_BYTES * (uint64_t)index, entry,
                     sizeof entry, queue->object);
}

bool virtqueue_publish(struct virtqueue *queue)
{
    queue->published = queue->next_used;
    return write_word(queue, queue->used + RING_IDX, queue->published);
}

/* The driver writes its wish, then looks at our index; we do it the other way round. */
bool virtqueue_wants_notice(struct virtqueue *queue)
{
    uint16_t before = queue->noticed, word;

    queue->noticed = queue->published;
    atomic_thread_fence(memory_order_seq_cst);
    if (queue->event_index)
        return read_word(queue, used_event(queue), &word) &&
               (uint16_t)(queue->published - word - 1) < (uint16_t)(queue->published - before);
    return read_word(queue, queue->available + RING_FLAGS, &word) && !(word & AVAIL_F_NO_INTERRUPT);
}

/* With event indexes there is no need to say that it is not wanted: the index that was asked for has passed.
 */
bool virtqueue_ask_notification(struct virtqueue *queue, bool wanted)
{
    bool written = true;

    if (!queue->event_index)
        written = write_word(queue, queue->used + RING_FLAGS, wanted ? 0 : USED_F_NO_NOTIFY);
    else if (wanted)
        written = write_word(queue, avail_event(queue), queue->next_available);
    atomic_thread_fence(memory_order_seq_cst);
    return written;
}
