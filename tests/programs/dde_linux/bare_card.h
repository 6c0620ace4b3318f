/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that a driver does to send one frame by a card, and to receive one, for each model in
 * harness/nic: for programs in which what a whole driver does besides would be in the way. Registers,
 * descriptors and procedures are those of the manuals that the models name. One descriptor is used in each
 * ring, once after each start.
 */
#ifndef DDE_LINUX_PROGRAMS_BARE_CARD_H
#define DDE_LINUX_PROGRAMS_BARE_CARD_H

#include "network.h"

#include <linux/io.h>
#include <linux/pci.h>

#define RING_BYTES 16384u /* holds a virtqueue of 256 entries in its legacy layout */
#define PIECE_BYTES 2048u /* of a buffer, what a descriptor offers for a frame */

enum way { SENDS, RECEIVES, RINGS };

struct card {
    struct nic *nic;
    struct pci_dev *dev;
    u8 __iomem *registers;
    u8 *ring[RINGS]; /* for descriptors; zeros at the start */
    dma_addr_t ring_bus[RINGS];
    dma_addr_t used_bus[RINGS];  /* where virtio says what it has done, if that is apart */
    u8 __iomem *doorbell[RINGS]; /* virtio's */
};

/* What the driver knows of a chip. */
struct chip {
    const struct nic_model *model;
    u16 vendor, device;
    int bar;
    size_t headroom; /* octets before the frame to be sent */

    void (*reset)(struct card *card);
    void (*start)(struct card *card); /* reset it, and make it ready but for buffers; interrupts are on */
    /* The frame of ETH_ZLEN octets lies behind so much headroom. */
    void (*send)(struct card *card, dma_addr_t buffer);
    /* Of an RTL8139 the buffer is the ring, of RING_BYTES; others store up to PIECE_BYTES. memory: the
     * buffer's own address. */
    void (*receive)(struct card *card, u8 *memory, dma_addr_t buffer);
    void (*report)(struct card *card, dma_addr_t buffer); /* write statistics there; or NULL */
};

static void put16(u8 *at, u16 value)
{
    memcpy(at, &value, sizeof(value));
}

static void put32(u8 *at, u32 value)
{
    memcpy(at, &value, sizeof(value));
}

static void put64(u8 *at, u64 value)
{
    memcpy(at, &value, sizeof(value));
}

/* --- RTL8139 ------------------------------------------------------------------------------------------- */

static void rtl8139_reset(struct card *card)
{
    iowrite8(0x10, card->registers + 0x37); /* CR */
}

static void rtl8139_start(struct card *card)
{
    rtl8139_reset(card);
    iowrite16(0xffff, card->registers + 0x3c); /* IMR */
}

static void rtl8139_turn_on(struct card *card, u8 half)
{
    iowrite8(ioread8(card->registers + 0x37) | half, card->registers + 0x37);
}

static void rtl8139_send(struct card *card, dma_addr_t buffer)
{
    rtl8139_turn_on(card, 0x04);
    iowrite32((u32)buffer, card->registers + 0x20);
    iowrite32(ETH_ZLEN, card->registers + 0x10); /* TSD0 */
}

static void rtl8139_receive(struct card *card, u8 *memory __always_unused, dma_addr_t buffer)
{
    iowrite32((u32)buffer, card->registers + 0x30); /* RBSTART */
    rtl8139_turn_on(card, 0x08);
    iowrite32(0x0f, card->registers + 0x44); /* RCR: all frames */
}

/* --- 82540EM ------------------------------------------------------------------------------------------- */

#define E1000_RING_BYTES 128 /* 8 descriptors */

static void e1000_set_ring(struct card *card, enum way way, unsigned int at)
{
    iowrite32((u32)card->ring_bus[way], card->registers + at);
    iowrite32(E1000_RING_BYTES, card->registers + at + 8);
}

static void e1000_reset(struct card *card)
{
    iowrite32(0x04000000, card->registers); /* CTRL */
}

static void e1000_start(struct card *card)
{
    e1000_reset(card);
    iowrite32(0x40, card->registers);           /* CTRL: link up */
    iowrite32(0x1ffff, card->registers + 0xd0); /* IMS */
    e1000_set_ring(card, RECEIVES, 0x2800);
    e1000_set_ring(card, SENDS, 0x3800);
}

static void e1000_send(struct card *card, dma_addr_t buffer)
{
    put64(card->ring[SENDS], buffer);
    put32(card->ring[SENDS] + 8, 0x0b000000 | ETH_ZLEN); /* end of packet, insert the FCS, report status */
    iowrite32(0x0a, card->registers + 0x400);            /* TCTL: on, pad short packets */
    iowrite32(1, card->registers + 0x3818);              /* TDT */
}

static void e1000_receive(struct card *card, u8 *memory __always_unused, dma_addr_t buffer)
{
    put64(card->ring[RECEIVES], buffer);
    iowrite32(0x801a, card->registers + 0x100); /* RCTL: on, all frames, 2048 octets a buffer */
    iowrite32(1, card->registers + 0x2818);     /* RDT */
}

/* --- 82559 --------------------------------------------------------------------------------------------- */

#define TBD_AT 64 /* behind the command block */

static void e100_command(struct card *card, u8 command, u32 pointer)
{
    iowrite32(pointer, card->registers + 4);
    iowrite8(command, card->registers + 2);
}

static void e100_reset(struct card *card)
{
    iowrite32(0, card->registers + 8); /* PORT */
}

static void e100_start(struct card *card)
{
    e100_reset(card);
    e100_command(card, 0x60, 0); /* addresses are absolute, in command blocks */
    e100_command(card, 0x06, 0); /* and in receive frame descriptors */
}

static void e100_send(struct card *card, dma_addr_t buffer)
{
    u8 *block = card->ring[SENDS];

    put32(block, 0x800c0000); /* transmit, flexible mode, the last in the list */
    put32(block + 8, (u32)card->ring_bus[SENDS] + TBD_AT);
    put32(block + 12, 0x01e00000); /* one buffer descriptor */
    put32(block + TBD_AT, (u32)buffer);
    put32(block + TBD_AT + 4, ETH_ZLEN);
    e100_command(card, 0x10, (u32)card->ring_bus[SENDS]);
}

/* The descriptor lies at the beginning of the buffer, and says how much room is behind it. */
static void e100_receive(struct card *card, u8 *memory, dma_addr_t buffer)
{
    put32(memory, 0x80000000); /* the last in the list */
    put32(memory + 12, (u32)PIECE_BYTES << 16);
    e100_command(card, 0x01, (u32)buffer);
}

static void e100_report(struct card *card, dma_addr_t buffer)
{
    e100_command(card, 0x40, (u32)buffer); /* where to dump */
    e100_command(card, 0x50, 0);
}

/* --- virtio-net ---------------------------------------------------------------------------------------- */

#define VIRTQUEUE_ENTRIES 256
#define AVAILABLE_AT (16 * VIRTQUEUE_ENTRIES)
#define USED_AT 8192
#define VIRTIO_WRITABLE 2u

static const u16 virtqueues[RINGS] = {[RECEIVES] = 0, [SENDS] = 1};

/* Where a structure of the device is found, which a capability tells (4.1.4). */
static u8 __iomem *virtio_structure(struct card *card, u8 type)
{
    u8 at, found, bar;
    u32 offset;

    for (at = pci_find_capability(card->dev, 9); at; at = pci_find_next_capability(card->dev, at, 9)) {
        pci_read_config_byte(card->dev, at + 3, &found);
        if (found != type)
            continue;
        pci_read_config_byte(card->dev, at + 4, &bar);
        pci_read_config_dword(card->dev, at + 8, &offset);
        return pci_iomap_range(card->dev, bar, offset, 0);
    }
    return NULL;
}

static void virtio_set_address(u8 __iomem *at, dma_addr_t address)
{
    iowrite32((u32)address, at);
    iowrite32((u32)((u64)address >> 32), at + 4);
}

static void virtio_reset(struct card *card)
{
    iowrite8(0, virtio_structure(card, 1) + 0x14); /* device_status */
}

static void virtio_start(struct card *card)
{
    u8 __iomem *common = virtio_structure(card, 1), *notify = virtio_structure(card, 2);

    virtio_reset(card);
    iowrite8(3, common + 0x14); /* ACKNOWLEDGE, DRIVER */
    iowrite32(1, common + 8);
    iowrite32(3, common + 0xc);   /* VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM */
    iowrite8(0xb, common + 0x14); /* FEATURES_OK */
    for (enum way way = 0; way < RINGS; way++) {
        iowrite16(virtqueues[way], common + 0x16);
        virtio_set_address(common + 0x20, card->ring_bus[way]);
        virtio_set_address(common + 0x28, card->ring_bus[way] + AVAILABLE_AT);
        virtio_set_address(common + 0x30,
                           card->used_bus[way] ? card->used_bus[way] : card->ring_bus[way] + USED_AT);
        iowrite16(1, common + 0x1c); /* queue_enable */
        card->doorbell[way] = notify + 4 * virtqueues[way];
    }
    iowrite8(0xf, common + 0x14); /* DRIVER_OK */
}

static void virtio_legacy_reset(struct card *card)
{
    iowrite8(0, card->registers + 18);
}

static void virtio_legacy_start(struct card *card)
{
    virtio_legacy_reset(card);
    iowrite8(3, card->registers + 18);
    for (enum way way = 0; way < RINGS; way++) {
        iowrite16(virtqueues[way], card->registers + 14);
        iowrite32((u32)(card->ring_bus[way] / PAGE_SIZE), card->registers + 8);
        card->doorbell[way] = card->registers + 16;
    }
    iowrite8(7, card->registers + 18);
}

/* Offer one buffer of one piece. */
static void virtio_offer(struct card *card, enum way way, dma_addr_t buffer, u32 length, u16 flags)
{
    u8 *ring = card->ring[way];

    put64(ring, buffer);
    put32(ring + 8, length);
    put16(ring + 12, flags);
    put16(ring + AVAILABLE_AT + 2, 1); /* idx; its entry names descriptor 0 */
    iowrite16(virtqueues[way], card->doorbell[way]);
}

#define VIRTIO_HEADER 12 /* a driver of before 1.0 sees a shorter one */
#define VIRTIO_HEADER_LEGACY 10

static void virtio_send(struct card *card, dma_addr_t buffer)
{
    virtio_offer(card, SENDS, buffer, VIRTIO_HEADER + ETH_ZLEN, 0);
}

static void virtio_legacy_send(struct card *card, dma_addr_t buffer)
{
    virtio_offer(card, SENDS, buffer, VIRTIO_HEADER_LEGACY + ETH_ZLEN, 0);
}

static void virtio_receive(struct card *card, u8 *memory __always_unused, dma_addr_t buffer)
{
    virtio_offer(card, RECEIVES, buffer, PIECE_BYTES, VIRTIO_WRITABLE);
}

static const struct chip chips[] = {
    {&nic_rtl8139, 0x10ec, 0x8139, 1, 0, rtl8139_reset, rtl8139_start, rtl8139_send, rtl8139_receive, NULL},
    {&nic_82540em, 0x8086, 0x100e, 0, 0, e1000_reset, e1000_start, e1000_send, e1000_receive, NULL},
    {&nic_82559, 0x8086, 0x1229, 0, 0, e100_reset, e100_start, e100_send, e100_receive, e100_report},
    {&nic_virtio_net, 0x1af4, 0x1000, 0, VIRTIO_HEADER, virtio_reset, virtio_start, virtio_send,
     virtio_receive, NULL},
    {&nic_virtio_net_legacy, 0x1af4, 0x1000, 0, VIRTIO_HEADER_LEGACY, virtio_legacy_reset,
     virtio_legacy_start, virtio_legacy_send, virtio_receive, NULL},
};

/* The chip of the model that has this name, or NULL. */
static inline const struct chip *find_chip(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(chips); i++)
        if (strcmp(chips[i].model->name, name) == 0)
            return &chips[i];
    return NULL;
}

/* Let it decode its registers and be a bus master. */
static inline void enable_card(struct card *card, const struct chip *chip, struct pci_dev *dev)
{
    card->dev = dev;
    assert(pci_enable_device(dev) == 0);
    pci_set_master(dev);
    card->registers = pci_iomap(dev, chip->bar, 0);
}

static inline void allocate_rings(struct card *card)
{
    for (enum way way = 0; way < RINGS; way++)
        card->ring[way] = dma_alloc_coherent(&card->dev->dev, RING_BYTES, &card->ring_bus[way], GFP_KERNEL);
}

#endif
