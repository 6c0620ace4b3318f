/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver that hands its card memory which is not the card's to use, and in all else does what is needed to
 * send or to receive one frame. It drives two cards of a kind, each behind the IOMMU in a domain of its own.
 * Takes the card, what it does with the memory, and what is wrong with it:
 *
 *   rtl8139, 82540em, 82559, virtio-net, virtio-net-legacy
 *   sends, receives
 *   nothing          the frame passes, and the program ends with 0
 *   never-mapped     the driver gives the address of the memory, where its mapping's is wanted
 *   past-the-end     it gives the address right behind its mapping
 *   unmapped         it has ended the mapping
 *   another-card     it gives the address of the other card's buffer
 *
 * Registers, descriptors and procedures are those of the manuals that the models in harness/nic name.
 */
#define _GNU_SOURCE /* memmem */
#include "network.h"

#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>

#define CARDS 2
#define BUFFER_ORDER 2
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER) /* holds the ring of an RTL8139, which is its buffer */
#define RING_BYTES 16384u                        /* holds a virtqueue of 256 entries in its legacy layout */
#define PIECE_BYTES 2048u                        /* of a buffer, what a descriptor offers for a frame */
#define PATIENCE_JIFFIES 50

enum way { SENDS, RECEIVES, WAYS };
static const char *const way_names[WAYS] = {[SENDS] = "sends", [RECEIVES] = "receives"};

struct card {
    struct nic *nic;
    struct pci_dev *dev;
    u8 *buffer;     /* for one frame */
    u8 *ring[WAYS]; /* for descriptors */
    dma_addr_t ring_bus[WAYS];
    u8 __iomem *registers;
    u8 __iomem *doorbell[WAYS]; /* virtio's */
};

/* What the driver knows of a chip. */
struct chip {
    const struct nic_model *model;
    u16 vendor, device;
    int bar;
    size_t headroom; /* octets before the frame to be sent */

    void (*start)(struct card *card); /* reset it, and make it ready but for the buffer */
    void (*send)(struct card *card, dma_addr_t buffer);
    void (*receive)(struct card *card, dma_addr_t buffer);
};

static struct card cards[CARDS];
static const struct chip *chip;
static u8 frame[ETH_ZLEN];
static int sent; /* frames as they should be; atomically */

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

static void rtl8139_start(struct card *card)
{
    iowrite8(0x10, card->registers + 0x37); /* CR: reset */
}

static void rtl8139_send(struct card *card, dma_addr_t buffer)
{
    iowrite8(0x04, card->registers + 0x37); /* CR: transmitter on */
    iowrite32((u32)buffer, card->registers + 0x20);
    iowrite32(ETH_ZLEN, card->registers + 0x10); /* TSD0 */
}

static void rtl8139_receive(struct card *card, dma_addr_t buffer)
{
    iowrite32((u32)buffer, card->registers + 0x30); /* RBSTART */
    iowrite8(0x08, card->registers + 0x37);         /* CR: receiver on */
    iowrite32(0x0f, card->registers + 0x44);        /* RCR: all frames */
}

/* --- 82540EM ------------------------------------------------------------------------------------------- */

#define E1000_RING_BYTES 128 /* 8 descriptors */

static void e1000_set_ring(struct card *card, enum way way, unsigned int at)
{
    iowrite32((u32)card->ring_bus[way], card->registers + at);
    iowrite32(E1000_RING_BYTES, card->registers + at + 8);
}

static void e1000_start(struct card *card)
{
    iowrite32(0x04000000, card->registers); /* CTRL: reset */
    iowrite32(0x40, card->registers);       /* CTRL: link up */
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

static void e1000_receive(struct card *card, dma_addr_t buffer)
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

static void e100_start(struct card *card)
{
    iowrite32(0, card->registers + 8); /* PORT: reset */
    iowrite8(1, card->registers + 3);  /* no interrupts */
    e100_command(card, 0x60, 0);       /* addresses are absolute, in command blocks */
    e100_command(card, 0x06, 0);       /* and in receive frame descriptors */
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
static void e100_receive(struct card *card, dma_addr_t buffer)
{
    put32(card->buffer, 0x80000000); /* the last in the list */
    put32(card->buffer + 12, (u32)PIECE_BYTES << 16);
    e100_command(card, 0x01, (u32)buffer);
}

/* --- virtio-net ---------------------------------------------------------------------------------------- */

#define VIRTQUEUE_ENTRIES 256
#define AVAILABLE_AT (16 * VIRTQUEUE_ENTRIES)
#define USED_AT 8192
#define VIRTIO_WRITABLE 2u

static const u16 virtqueues[WAYS] = {[RECEIVES] = 0, [SENDS] = 1};

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

static void virtio_start(struct card *card)
{
    u8 __iomem *common = virtio_structure(card, 1), *notify = virtio_structure(card, 2);

    iowrite8(0, common + 0x14); /* device_status: reset */
    iowrite8(3, common + 0x14); /* ACKNOWLEDGE, DRIVER */
    iowrite32(1, common + 8);
    iowrite32(3, common + 0xc);   /* VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM */
    iowrite8(0xb, common + 0x14); /* FEATURES_OK */
    for (enum way way = 0; way < WAYS; way++) {
        iowrite16(virtqueues[way], common + 0x16);
        virtio_set_address(common + 0x20, card->ring_bus[way]);
        virtio_set_address(common + 0x28, card->ring_bus[way] + AVAILABLE_AT);
        virtio_set_address(common + 0x30, card->ring_bus[way] + USED_AT);
        iowrite16(1, common + 0x1c); /* queue_enable */
        card->doorbell[way] = notify + 4 * virtqueues[way];
    }
    iowrite8(0xf, common + 0x14); /* DRIVER_OK */
}

static void virtio_legacy_start(struct card *card)
{
    iowrite8(0, card->registers + 18);
    iowrite8(3, card->registers + 18);
    for (enum way way = 0; way < WAYS; way++) {
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

static void virtio_send(struct card *card, dma_addr_t buffer)
{
    virtio_offer(card, SENDS, buffer, (u32)chip->headroom + ETH_ZLEN, 0);
}

static void virtio_receive(struct card *card, dma_addr_t buffer)
{
    virtio_offer(card, RECEIVES, buffer, PIECE_BYTES, VIRTIO_WRITABLE);
}

static const struct chip chips[] = {
    {&nic_rtl8139, 0x10ec, 0x8139, 1, 0, rtl8139_start, rtl8139_send, rtl8139_receive},
    {&nic_82540em, 0x8086, 0x100e, 0, 0, e1000_start, e1000_send, e1000_receive},
    {&nic_82559, 0x8086, 0x1229, 0, 0, e100_start, e100_send, e100_receive},
    {&nic_virtio_net, 0x1af4, 0x1000, 0, 12, virtio_start, virtio_send, virtio_receive},
    {&nic_virtio_net_legacy, 0x1af4, 0x1000, 0, 10, virtio_legacy_start, virtio_send, virtio_receive},
};

/* --- The driver ---------------------------------------------------------------------------------------- */

static int probe(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    struct card *card = cards[0].dev ? &cards[1] : &cards[0];

    card->dev = dev;
    assert(pci_enable_device(dev) == 0);
    pci_set_master(dev);
    card->registers = pci_iomap(dev, chip->bar, 0);
    card->buffer = page_address(alloc_pages(GFP_KERNEL, BUFFER_ORDER));
    for (enum way way = 0; way < WAYS; way++)
        card->ring[way] = dma_alloc_coherent(&dev->dev, RING_BYTES, &card->ring_bus[way], GFP_KERNEL);
    return 0;
}

static struct pci_device_id ids[2];
static struct pci_driver driver = {.name = "stray", .id_table = ids, .probe = probe};

static enum dma_data_direction direction(enum way way)
{
    return way == SENDS ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

static dma_addr_t map_buffer(struct card *card, enum way way)
{
    dma_addr_t bus = dma_map_single(&card->dev->dev, card->buffer, BUFFER_BYTES, direction(way));

    assert(!dma_mapping_error(&card->dev->dev, bus));
    return bus;
}

static void unmap_buffer(struct card *card, dma_addr_t bus, enum way way)
{
    dma_unmap_single(&card->dev->dev, bus, BUFFER_BYTES, direction(way));
}

static dma_addr_t never_mapped(enum way way)
{
    map_buffer(&cards[0], way);
    return virt_to_phys(cards[0].buffer);
}

static dma_addr_t past_the_end(enum way way)
{
    return map_buffer(&cards[0], way) + BUFFER_BYTES;
}

static dma_addr_t unmapped(enum way way)
{
    dma_addr_t bus = map_buffer(&cards[0], way);

    unmap_buffer(&cards[0], bus, way);
    return bus;
}

static dma_addr_t another_cards(enum way way)
{
    return map_buffer(&cards[1], way);
}

static dma_addr_t its_own(enum way way)
{
    return map_buffer(&cards[0], way);
}

static const struct mistake {
    const char *name;
    dma_addr_t (*address)(enum way way);
} mistakes[] = {
    {"nothing", its_own},   {"never-mapped", never_mapped},  {"past-the-end", past_the_end},
    {"unmapped", unmapped}, {"another-card", another_cards},
};

/* --- The machine --------------------------------------------------------------------------------------- */

static void take_sent(void *unused __always_unused, uint64_t number __always_unused, const uint8_t *octets,
                      size_t length)
{
    if (length == sizeof(frame) && memcmp(octets, frame, length) == 0)
        __atomic_fetch_add(&sent, 1, __ATOMIC_SEQ_CST);
}

static void boot(void)
{
    machine_init();
    for (unsigned i = 0; i < CARDS; i++) {
        struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, (u8)i},
                                    .pci_slot = NIC_DEFAULT_PCI_SLOT + i,
                                    .wire = wire_create(NULL, NULL)};

        wire_on_transmitted(config.wire, take_sent, NULL);
        cards[i].nic = chip->model->create(&config);
    }
    boot_linux();
    ids[0] = (struct pci_device_id){PCI_DEVICE(chip->vendor, chip->device)};
    assert(pci_register_driver(&driver) == 0 && cards[1].dev);
    for (unsigned i = 0; i < CARDS; i++)
        chip->start(&cards[i]);
    machine_boot_finished();
}

static void move_frame(enum way way, dma_addr_t bus)
{
    const u8 everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    make_frame(frame, everybody, 1);
    if (way == SENDS) {
        memcpy(cards[0].buffer + chip->headroom, frame, sizeof(frame));
        chip->send(&cards[0], bus);
    } else {
        chip->receive(&cards[0], bus);
        chip->model->receive(cards[0].nic, frame, sizeof(frame));
    }
}

static bool has_moved(enum way way)
{
    return way == SENDS ? __atomic_load_n(&sent, __ATOMIC_SEQ_CST) > 0
                        : memmem(cards[0].buffer, BUFFER_BYTES, frame, sizeof(frame)) != NULL;
}

int main(int argc, char **argv)
{
    const struct mistake *mistake = NULL;
    enum way way = WAYS;

    for (size_t i = 0; argc == 4 && i < ARRAY_SIZE(chips); i++)
        chip = strcmp(chips[i].model->name, argv[1]) == 0 ? &chips[i] : chip;
    for (enum way i = 0; argc == 4 && i < WAYS; i++)
        way = strcmp(way_names[i], argv[2]) == 0 ? i : way;
    for (size_t i = 0; argc == 4 && i < ARRAY_SIZE(mistakes); i++)
        mistake = strcmp(mistakes[i].name, argv[3]) == 0 ? &mistakes[i] : mistake;
    if (!chip || way == WAYS || !mistake)
        return 2;
    boot();
    move_frame(way, mistake->address(way));
    for (int i = 0; i < PATIENCE_JIFFIES && !has_moved(way); i++)
        schedule_timeout_uninterruptible(1);
    printf("%s %s: %s\n", chip->model->name, way_names[way], has_moved(way) ? "a frame" : "nothing");
    return has_moved(way) ? 0 : 1;
}
