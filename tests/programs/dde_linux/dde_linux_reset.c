/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A card is reset at any moment, while it sends a frame and others come in. From then on it is silent: its
 * memory can be taken away at once, its interrupt pin is let go, and every frame that it had is accounted
 * for. So it goes several times over, and then the card still passes frames.
 *
 * Takes the card; how it is reset:
 *
 *   register         by the chip's own register
 *   function         by the function's Advanced Features capability, which virtio devices have
 *   bus              by the bridge that it is behind
 *
 * and a number that chooses the moments.
 */
#define _GNU_SOURCE /* memmem */
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "bare_card.h"

#include "harness/machine/irq.h"

#define LIVES 12
#define BROUGHT 3  /* frames, in each */
#define MOMENTS 24 /* how often main gives way before a reset, at most */

#define LINE 11
#define BRIDGE_SLOT 30
#define BRIDGE_CONTROL 0x3e
#define BRIDGE_RESET_BEHIND 0x40
#define CAPABILITY_ADVANCED 0x13
#define ADVANCED_CONTROL 4
#define ADVANCED_RESET 1

static const u8 everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const struct chip *chip;
static struct card card;
static u8 *buffer[RINGS];
static dma_addr_t buffer_bus[RINGS];
static u8 frame[ETH_ZLEN]; /* of this life, and numbered by it */
static bool was_sent[LIVES + 1];
static sem_t last_sent;
static u32 seed;

/* --- Resets -------------------------------------------------------------------------------------------- */

static void reset_by_register(void)
{
    chip->reset(&card);
}

/* The bus's resets also reset what firmware has assigned. */
static void reset_by_function(void)
{
    u8 at = pci_find_capability(card.dev, CAPABILITY_ADVANCED);

    assert(at);
    pci_save_state(card.dev);
    pci_write_config_byte(card.dev, at + ADVANCED_CONTROL, ADVANCED_RESET);
    pci_restore_state(card.dev);
}

static void reset_by_bus(void)
{
    pci_save_state(card.dev);
    pci_config_write(0, BRIDGE_SLOT, 0, BRIDGE_CONTROL, 2, BRIDGE_RESET_BEHIND);
    pci_config_write(0, BRIDGE_SLOT, 0, BRIDGE_CONTROL, 2, 0);
    pci_restore_state(card.dev);
}

static const struct reset {
    const char *name;
    void (*carry_out)(void);
} resets[] = {{"register", reset_by_register}, {"function", reset_by_function}, {"bus", reset_by_bus}};
static const struct reset *reset;

/* --- Traffic ------------------------------------------------------------------------------------------- */

/* One that was on its way at the reset may come later. */
static void take_sent(void *unused __always_unused, uint64_t number __always_unused, const uint8_t *octets,
                      size_t length)
{
    u8 life = octets[ETH_HLEN + 1], expected[ETH_ZLEN];

    make_frame(expected, everybody, life);
    assert(length == ETH_ZLEN && memcmp(octets, expected, ETH_ZLEN) == 0);
    assert(life <= LIVES && !was_sent[life]);
    was_sent[life] = true;
    if (life == LIVES)
        sem_post(&last_sent);
}

static int bring_all(void *unused __always_unused)
{
    for (int i = 0; i < BROUGHT; i++) {
        chip->model->receive(card.nic, frame, sizeof(frame));
        sched_yield();
    }
    return 0;
}

static void give_memory(void)
{
    allocate_rings(&card);
    for (enum way way = 0; way < RINGS; way++)
        buffer[way] = dma_alloc_coherent(&card.dev->dev, RING_BYTES, &buffer_bus[way], GFP_KERNEL);
}

/* An access that the card makes after this is a finding. */
static void take_memory(void)
{
    for (enum way way = 0; way < RINGS; way++) {
        dma_free_coherent(&card.dev->dev, RING_BYTES, card.ring[way], card.ring_bus[way]);
        dma_free_coherent(&card.dev->dev, RING_BYTES, buffer[way], buffer_bus[way]);
    }
}

static void begin(void)
{
    chip->start(&card);
    chip->receive(&card, buffer[RECEIVES], buffer_bus[RECEIVES]);
    memcpy(buffer[SENDS] + chip->headroom, frame, sizeof(frame));
    chip->send(&card, buffer_bus[SENDS]);
}

static void wait_a_moment(void)
{
    seed = seed * 1664525 + 1013904223;
    for (u32 i = (seed >> 16) % MOMENTS; i > 0; i--)
        sched_yield();
}

static void live(int life)
{
    struct job network = {.function = bring_all};

    make_frame(frame, everybody, (u8)life);
    give_memory();
    begin();
    start_job(&network, life);
    wait_a_moment();
    reset->carry_out();
    take_memory();
    assert(account_outstanding() == 0);
    assert(!irq_line_state(LINE).high);
    finish_job(&network);
    assert(account_outstanding() == 0);
}

/* Nothing is left of all that: frames pass. */
static void pass_frames(void)
{
    make_frame(frame, everybody, LIVES);
    give_memory();
    begin();
    bring_all(NULL);
    assert(memmem(buffer[RECEIVES], RING_BYTES, frame, sizeof(frame)));
    sem_wait(&last_sent);
    chip->reset(&card);
    take_memory();
}

/* --- The machine --------------------------------------------------------------------------------------- */

static int probe(struct pci_dev *dev, const struct pci_device_id *id __always_unused)
{
    enable_card(&card, chip, dev);
    return 0;
}

static struct pci_device_id ids[2];
static struct pci_driver driver = {.name = "reset", .id_table = ids, .probe = probe};

static void boot(void)
{
    struct nic_config config = {.mac = {0x52, 0x54, 0, 0, 0, 1}, .irq_line = LINE};

    machine_init();
    config.pci_bus = pci_bridge_register(0, BRIDGE_SLOT);
    config.wire = wire_create(NULL, NULL);
    wire_on_transmitted(config.wire, take_sent, NULL);
    card.nic = chip->model->create(&config);
    boot_linux();
    ids[0] = (struct pci_device_id){PCI_DEVICE(chip->vendor, chip->device)};
    assert(pci_register_driver(&driver) == 0 && card.dev);
    machine_boot_finished();
}

int main(int argc, char **argv)
{
    int sent = 0;

    chip = argc == 4 ? find_chip(argv[1]) : NULL;
    for (size_t i = 0; argc == 4 && i < ARRAY_SIZE(resets); i++)
        reset = strcmp(resets[i].name, argv[2]) == 0 ? &resets[i] : reset;
    if (!chip || !reset)
        return 2;
    seed = (u32)strtoul(argv[3], NULL, 10);
    boot();
    sem_init(&last_sent, 0, 0);
    for (int life = 0; life < LIVES; life++) {
        live(life);
        sent += was_sent[life];
    }
    pass_frames();
    printf("%s, by %s: %d of %d frames sent before\n", chip->model->name, reset->name, sent, LIVES);
    return 0;
}
