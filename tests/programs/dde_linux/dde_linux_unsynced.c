/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver of an RTL8139 that maps the card's buffers once and uses them again and again, so that memory goes
 * to and fro by the sync calls. It sends a frame, changes it and sends it again, and receives one, twice. The
 * argument says what it does wrongly:
 *
 *   nothing                 all frames pass, and the program ends with 0
 *   sends-unsynced          it does not give the changed frame to the card
 *   sends-partly-unsynced   it gives its first octet only
 *   reads-unsynced          it does not take the received frame from the card
 *   reads-next-unsynced     it takes the first one, and not the second
 *   changes-unsynced        it clears what was received without taking it
 *   syncs-another-way       it takes the frame in the wrong direction
 *   syncs-past-the-end      it takes more than it has mapped
 *   syncs-unmapped          it takes a frame when it has ended the mapping
 *
 * On a coherent machine such as this one each of them passes its frames all the same. This file is built so
 * that its accesses to memory are seen.
 */
#include "network.h"

#include <linux/io.h>
#include <linux/pci.h>

#define RING_BYTES (8192 + 16 + 1536) /* the card's ring, and what it may write behind it */
#define HEADER_BYTES 4                /* status and length, before each frame in the ring */
#define CHANGED_AT 20                 /* octet of the frame */

static struct nic *nic;
static struct pci_dev *card;
static u8 __iomem *registers;
static u8 sent_frame[ETH_ZLEN] __aligned(8), ring[RING_BYTES] __aligned(8);
static const char *mistake = "nothing";
static int last_sent; /* its changed octet; atomically */

static bool is_wrong(const char *what)
{
    return strcmp(mistake, what) == 0;
}

/* --- The card ------------------------------------------------------------------------------------------ */

static void send_by(unsigned int descriptor, dma_addr_t bus)
{
    iowrite32((u32)bus, registers + 0x20 + 4 * descriptor); /* TSAD */
    iowrite32(ETH_ZLEN, registers + 0x10 + 4 * descriptor); /* TSD */
}

static void start(dma_addr_t ring_bus)
{
    iowrite8(0x10, registers + 0x37); /* CR: reset */
    iowrite32((u32)ring_bus, registers + 0x30);
    iowrite8(0x0c, registers + 0x37);  /* CR: receiver and transmitter on */
    iowrite32(0x0f, registers + 0x44); /* RCR: all frames */
}

static void take_sent(void *unused __always_unused, uint64_t number __always_unused, const uint8_t *octets,
                      size_t length __always_unused)
{
    __atomic_store_n(&last_sent, octets[CHANGED_AT], __ATOMIC_SEQ_CST);
}

/* --- The driver ---------------------------------------------------------------------------------------- */

static dma_addr_t map_buffer(void *memory, size_t size, enum dma_data_direction direction)
{
    dma_addr_t bus = dma_map_single(&card->dev, memory, size, direction);

    assert(!dma_mapping_error(&card->dev, bus));
    return bus;
}

static void wait_until_sent(u8 value)
{
    while (__atomic_load_n(&last_sent, __ATOMIC_SEQ_CST) != value)
        schedule_timeout_uninterruptible(1);
}

static void send_two(void)
{
    const u8 everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    dma_addr_t bus;

    make_frame(sent_frame, everybody, 1);
    sent_frame[CHANGED_AT] = 1;
    bus = map_buffer(sent_frame, sizeof(sent_frame), DMA_TO_DEVICE);
    send_by(0, bus);
    wait_until_sent(1);
    dma_sync_single_for_cpu(&card->dev, bus, sizeof(sent_frame), DMA_TO_DEVICE);
    sent_frame[CHANGED_AT] = 2;
    if (!is_wrong("sends-unsynced"))
        dma_sync_single_for_device(&card->dev, bus,
                                   is_wrong("sends-partly-unsynced") ? 1 : sizeof(sent_frame), DMA_TO_DEVICE);
    send_by(1, bus);
    wait_until_sent(2);
    dma_unmap_single(&card->dev, bus, sizeof(sent_frame), DMA_TO_DEVICE);
}

/* Functions of their own, so that stacks name them. */
static noinline u8 read_octet(size_t at)
{
    return *(volatile u8 *)&ring[at];
}

static noinline void clear_octet(size_t at)
{
    *(volatile u8 *)&ring[at] = 0;
}

static void sync_ring(dma_addr_t bus, bool first)
{
    enum dma_data_direction direction = is_wrong("syncs-another-way") ? DMA_TO_DEVICE : DMA_FROM_DEVICE;

    if (is_wrong("reads-unsynced") || is_wrong("changes-unsynced") ||
        (is_wrong("reads-next-unsynced") && !first))
        return;
    dma_sync_single_for_cpu(&card->dev, bus, RING_BYTES + is_wrong("syncs-past-the-end"), direction);
}

/* The card writes each frame behind the one before. */
static size_t receive(dma_addr_t bus, size_t at, bool first)
{
    u8 frame[ETH_ZLEN];
    const u8 everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    make_frame(frame, everybody, 2);
    assert(nic_rtl8139.receive(nic, frame, sizeof(frame)) == WIRE_ACCEPTED);
    sync_ring(bus, first);
    if (is_wrong("changes-unsynced"))
        clear_octet(at + HEADER_BYTES);
    for (size_t i = 0; i < sizeof(frame); i++)
        assert(read_octet(at + HEADER_BYTES + i) == frame[i]);
    return at + HEADER_BYTES + sizeof(frame) + 4; /* the FCS */
}

static void receive_two(dma_addr_t bus)
{
    size_t next = receive(bus, 0, true);

    receive(bus, next, false);
    dma_unmap_single(&card->dev, bus, RING_BYTES, DMA_FROM_DEVICE);
    if (is_wrong("syncs-unmapped"))
        dma_sync_single_for_cpu(&card->dev, bus, RING_BYTES, DMA_FROM_DEVICE);
    assert(read_octet(HEADER_BYTES) == 0xff);
}

static int probe(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    card = dev;
    assert(pci_enable_device(dev) == 0);
    pci_set_master(dev);
    registers = pci_iomap(dev, 1, 0);
    return 0;
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(0x10ec, 0x8139)}, {0}};
static struct pci_driver driver = {.name = "unsynced", .id_table = ids, .probe = probe};

int main(int argc, char **argv)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .wire = wire_create(NULL, NULL)};
    dma_addr_t ring_bus;

    if (argc > 1)
        mistake = argv[1];
    machine_init();
    wire_on_transmitted(config.wire, take_sent, NULL);
    nic = nic_rtl8139.create(&config);
    boot_linux();
    assert(pci_register_driver(&driver) == 0 && card);
    machine_boot_finished();
    ring_bus = map_buffer(ring, sizeof(ring), DMA_FROM_DEVICE);
    start(ring_bus);
    send_two();
    receive_two(ring_bus);
    return 0;
}
