/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A driver that hands its card memory which is not the card's to use, and in all else does what is needed to
 * send or to receive one frame. It drives two cards of a kind, each behind the IOMMU in a domain of its own.
 * Takes the card, what it does with the memory, and what is wrong with it:
 *
 *   rtl8139, 82540em, 82559, virtio-net, virtio-net-legacy
 *   sends            it reads a frame there
 *   receives         it writes one; an RTL8139 has its receive ring there
 *   fetches          it reads descriptors, of a frame to be sent
 *   reports          it writes what it has done: virtio-net the used ring, an 82559 its statistics
 *   nothing          the frame passes, and the program ends with 0
 *   never-mapped     the driver gives the address of the memory, where its mapping's is wanted
 *   past-the-end     it gives the address right behind its mapping
 *   unmapped         it has ended the mapping
 *   another-card     it gives the address of the other card's buffer
 */
#define _GNU_SOURCE /* memmem */
#include "bare_card.h"

#include <linux/mm.h>

#define CARDS 2
#define BUFFER_ORDER 2
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)
#define PATIENCE_JIFFIES 50

_Static_assert(BUFFER_BYTES >= RING_BYTES, "a buffer holds a ring");

static struct card cards[CARDS];
static u8 *buffers[CARDS]; /* of each card */
static const struct chip *chip;
static u8 frame[ETH_ZLEN];
static int sent; /* frames as they should be; atomically */

/* --- What the card does with the buffer ---------------------------------------------------------------- */

static void make_packet(u8 *memory)
{
    memcpy(memory + chip->headroom, frame, sizeof(frame));
}

static void send_it(struct card *card, dma_addr_t bus)
{
    chip->start(card);
    make_packet(buffers[0]);
    chip->send(card, bus);
}

static void receive_it(struct card *card, dma_addr_t bus)
{
    chip->start(card);
    chip->receive(card, buffers[0], bus);
    chip->model->receive(card->nic, frame, sizeof(frame));
}

/* The other ring's memory is free for a frame. */
static void send_another(struct card *card)
{
    chip->start(card);
    make_packet(card->ring[RECEIVES]);
    chip->send(card, card->ring_bus[RECEIVES]);
}

static void fetch_it(struct card *card, dma_addr_t bus)
{
    card->ring[SENDS] = buffers[0];
    card->ring_bus[SENDS] = bus;
    send_another(card);
}

static void report_it(struct card *card, dma_addr_t bus)
{
    card->used_bus[SENDS] = bus;
    send_another(card);
    if (chip->report)
        chip->report(card, bus);
}

static bool was_sent(void)
{
    return __atomic_load_n(&sent, __ATOMIC_SEQ_CST) > 0;
}

static bool was_received(void)
{
    return memmem(buffers[0], BUFFER_BYTES, frame, sizeof(frame)) != NULL;
}

static bool was_written(void)
{
    static const u8 nothing[BUFFER_BYTES];

    return memcmp(buffers[0], nothing, BUFFER_BYTES) != 0;
}

static const struct use {
    const char *name;
    void (*begin)(struct card *card, dma_addr_t bus);
    bool (*is_over)(void);
    enum dma_data_direction direction;
} uses[] = {
    {"sends", send_it, was_sent, DMA_TO_DEVICE},
    {"receives", receive_it, was_received, DMA_BIDIRECTIONAL},
    {"fetches", fetch_it, was_sent, DMA_BIDIRECTIONAL},
    {"reports", report_it, was_written, DMA_FROM_DEVICE},
};
static const struct use *use;

/* --- What is wrong with its address -------------------------------------------------------------------- */

static dma_addr_t map_buffer(int number)
{
    struct device *dev = &cards[number].dev->dev;
    dma_addr_t bus = dma_map_single(dev, buffers[number], BUFFER_BYTES, use->direction);

    assert(!dma_mapping_error(dev, bus));
    return bus;
}

static void unmap_buffer(int number, dma_addr_t bus)
{
    dma_unmap_single(&cards[number].dev->dev, bus, BUFFER_BYTES, use->direction);
}

static dma_addr_t never_mapped(void)
{
    map_buffer(0);
    return virt_to_phys(buffers[0]);
}

static dma_addr_t past_the_end(void)
{
    return map_buffer(0) + BUFFER_BYTES;
}

static dma_addr_t unmapped(void)
{
    dma_addr_t bus = map_buffer(0);

    unmap_buffer(0, bus);
    return bus;
}

static dma_addr_t another_cards(void)
{
    return map_buffer(1);
}

static dma_addr_t its_own(void)
{
    return map_buffer(0);
}

static const struct mistake {
    const char *name;
    dma_addr_t (*address)(void);
} mistakes[] = {
    {"nothing", its_own},   {"never-mapped", never_mapped},  {"past-the-end", past_the_end},
    {"unmapped", unmapped}, {"another-card", another_cards},
};

/* --- The machine --------------------------------------------------------------------------------------- */

static int probe(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    int number = cards[0].dev ? 1 : 0;

    enable_card(&cards[number], chip, dev);
    allocate_rings(&cards[number]);
    buffers[number] = page_address(alloc_pages(GFP_KERNEL, BUFFER_ORDER));
    memset(buffers[number], 0, BUFFER_BYTES);
    return 0;
}

static struct pci_device_id ids[2];
static struct pci_driver driver = {.name = "stray", .id_table = ids, .probe = probe};

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
    machine_boot_finished();
}

int main(int argc, char **argv)
{
    const u8 everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const struct mistake *mistake = NULL;

    if (argc != 4)
        return 2;
    chip = find_chip(argv[1]);
    for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
        use = strcmp(uses[i].name, argv[2]) == 0 ? &uses[i] : use;
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
        mistake = strcmp(mistakes[i].name, argv[3]) == 0 ? &mistakes[i] : mistake;
    if (!chip || !use || !mistake)
        return 2;
    boot();
    make_frame(frame, everybody, 1);
    use->begin(&cards[0], mistake->address());
    for (int i = 0; i < PATIENCE_JIFFIES && !use->is_over(); i++)
        schedule_timeout_uninterruptible(1);
    printf("%s %s: %s\n", chip->model->name, use->name, use->is_over() ? "a frame" : "nothing");
    return use->is_over() ? 0 : 1;
}
