/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A split virtqueue, seen from the device: rings in the driver's memory through which buffers come and go.
 * After "Virtual I/O Device (VIRTIO) Version 1.1" (OASIS, 2019), section 2.6, which the names are from.
 *
 * What the driver puts into its memory is not believed: an index that is out of range, a chain that does not
 * end, a table where none may be, is an error that the caller is to report. A DMA access that is refused is
 * one, too.
 *
 * Left out: packed virtqueues (2.7), and in-order use (2.6.9).
 */
#ifndef HARNESS_NIC_VIRTQUEUE_H
#define HARNESS_NIC_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX                                                                                   \
    256u /* of what the devices here have; a chain is no longer than its queue (2.6.5.3.1) */

struct dma_device;

/* Where the driver has it, and what was agreed on. Zeroed but for dma and object while it is not set up. */
struct virtqueue {
    struct dma_device *dma;
    const void
        *object;      /* that accesses are made for, see dma.h: what the driver hands over when it notifies */
    uint16_t size;    /* descriptors, a power of two */
    bool indirect;    /* VIRTIO_F_INDIRECT_DESC */
    bool event_index; /* VIRTIO_F_EVENT_IDX */
    uint64_t descriptors, available, used;

    uint16_t available_seen; /* the driver's idx when it was last looked at */
    uint16_t next_available; /* the next entry to take */
    uint16_t next_used;      /* the next entry to fill */
    uint16_t published;      /* our idx as the driver sees it */
    uint16_t noticed;        /* our idx when virtqueue_wants_notice last looked */
};

/* Part of a buffer. */
struct virtqueue_piece {
    uint64_t address;
    uint32_t length; /* octets */
};

/* A buffer: first what the device reads, then what it writes. */
struct virtqueue_chain {
    uint16_t head; /* names it when it is given back */
    unsigned readable, writable;
    uint64_t readable_octets, writable_octets;
    struct virtqueue_piece pieces[VIRTQUEUE_SIZE_MAX];
};

/* Put it back to how it was before the driver set it up. */
void virtqueue_reset(struct virtqueue *queue);

/*
 * Take the next buffer. *error: what is wrong with what the driver has put there, or "" when the IOMMU has
 * reported that already.
 */
enum virtqueue_answer { VIRTQUEUE_EMPTY, VIRTQUEUE_TAKEN, VIRTQUEUE_ERROR };
enum virtqueue_answer virtqueue_take(struct virtqueue *queue, struct virtqueue_chain *chain,
                                     const char **error);

/* Whether there is none to be taken, as far as the device can see. */
bool virtqueue_is_empty(struct virtqueue *queue);

/* Undo the last `count` takes. */
void virtqueue_untake(struct virtqueue *queue, unsigned count);

/*
 * Copy out of the readable part of a buffer, or into the writable one, from an offset on. As much as fits.
 * Returns how many octets were moved, or -1 when an access was refused.
 */
long virtqueue_read(struct virtqueue *queue, const struct virtqueue_chain *chain, size_t offset, void *to,
                    size_t length);
long virtqueue_write(struct virtqueue *queue, const struct virtqueue_chain *chain, size_t offset,
                     const void *from, size_t length);

/* Give a buffer back with so many octets written. The driver sees it, and all before it, after the
 * publication. False when an access was refused. */
bool virtqueue_use(struct virtqueue *queue, uint16_t head, uint32_t written);
bool virtqueue_publish(struct virtqueue *queue);

/* Used Buffer Notification Suppression (2.6.7): whether the driver is to be interrupted for what was
 * published. */
bool virtqueue_wants_notice(struct virtqueue *queue);

/* Available Buffer Notification Suppression (2.6.10): whether the device is to be notified. After asking for
 * it look once more whether there is a buffer: the driver may have been faster. */
bool virtqueue_ask_notification(struct virtqueue *queue, bool wanted);

#endif
