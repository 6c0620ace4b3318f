/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio-net models, used as a driver would use them: through the PCI bus, registers, virtqueues in DMA
 * memory behind the IOMMU, and interrupts. Frames come and go by the wire's two functions.
 *
 * What both interfaces of the device do is tested with both. Of this file three programs are made: MODEL is
 * the transitional device, or the legacy one, which has only one of them (LEGACY_ONLY), or the first with
 * several pairs of queues (PAIRS).
 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "harness/machine/dma.h"
#include "harness/machine/io.h"
#include "harness/machine/irq.h"
#include "harness/machine/pci.h"
#include "harness/nic/octets.h"
#include "harness/wire/account.h"
#include "tests/unit/nic_fixture.h"

/* The specification's numbers once more, written down apart from the model's. */
enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NEEDS_RESET = 64 };
enum {
    DEVICE_FEATURE_SELECT = 0,
    DEVICE_FEATURE = 4,
    DRIVER_FEATURE_SELECT = 8,
    DRIVER_FEATURE = 12,
    CONFIG_VECTOR = 16,
    NUM_QUEUES = 18,
    STATUS = 20,
    GENERATION = 21,
    QUEUE_SELECT = 22,
    QUEUE_SIZE = 24,
    QUEUE_VECTOR = 26,
    QUEUE_ENABLE = 28,
    NOTIFY_OFF = 30,
    QUEUE_DESC = 32,
    QUEUE_DRIVER = 40,
    QUEUE_DEVICE = 48,
    QUEUE_RESET = 58
};
enum {
    L_OFFERED = 0,
    L_ACCEPTED = 4,
    L_ADDRESS = 8,
    L_SIZE = 12,
    L_SELECT = 14,
    L_NOTIFY = 16,
    L_STATUS = 18,
    L_ISR = 19,
    L_CONFIG = 20
};
#define BIT(n) (UINT64_C(1) << (n))
enum {
    CSUM = 0,
    GUEST_CSUM = 1,
    HOST_TSO4 = 11,
    MRG_RXBUF = 15,
    CTRL_VQ = 17,
    CTRL_RX = 18,
    CTRL_VLAN = 19,
    CTRL_RX_EXTRA = 20,
    MQ = 22,
    CTRL_MAC_ADDR = 23,
    ANY_LAYOUT = 27,
    INDIRECT = 28,
    EVENT_IDX = 29,
    VERSION_1 = 32,
    ACCESS_PLATFORM = 33,
    RING_RESET = 40
};
#ifndef PAIRS
#define PAIRS 1
#endif
enum { RECEIVE, TRANSMIT, PAIR, CONTROL = PAIRS * PAIR, QUEUES };
enum { NEXT = 1, WRITE = 2, TABLE_FLAG = 4 };
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };

/* The memory that the device may use: queues as the legacy interface has them, and buffers. */
#define PAGE 4096u
#define QUEUE(q) (0x4000u * (q))
#define BUFFER(n) (QUEUE(4u * PAIRS) + 0x1000u * (n))
#define TABLE BUFFER(12)
#define MEMORY BUFFER(16)
static const unsigned sizes[QUEUES] = {[RECEIVE... CONTROL - 1] = 256, [CONTROL] = 64};

static struct {
    bool modern; /* which interface it uses */
    unsigned header;
    volatile uint8_t *common, *isr, *device, *doorbell;
    uint16_t io;
    uint8_t *raw, *memory; /* the second is at a whole page for the device */
    uint64_t mapped, bus;
    unsigned offered[QUEUES]; /* buffers, so far */
} driver;

static void put16(unsigned place, unsigned value)
{
    put_le(driver.memory + place, 2, value);
}
static void put32(unsigned place, uint32_t value)
{
    put_le(driver.memory + place, 4, value);
}
static unsigned get16(unsigned place)
{
    return get_le(driver.memory + place, 2);
}
static uint32_t get32(unsigned place)
{
    return get_le(driver.memory + place, 4);
}

static uint8_t r8(unsigned offset)
{
    return machine_mmio_read8(driver.common + offset);
}
static uint16_t r16(unsigned offset)
{
    return machine_mmio_read16(driver.common + offset);
}
static uint32_t r32(unsigned offset)
{
    return machine_mmio_read32(driver.common + offset);
}
static void w8(unsigned offset, uint8_t value)
{
    machine_mmio_write8(driver.common + offset, value);
}
static void w16(unsigned offset, unsigned value)
{
    machine_mmio_write16(driver.common + offset, (uint16_t)value);
}
static void w32(unsigned offset, uint32_t value)
{
    machine_mmio_write32(driver.common + offset, value);
}

/* ---- What both interfaces have ---- */

static uint8_t status(void)
{
    return driver.modern ? r8(STATUS) : machine_in8(driver.io + L_STATUS);
}

static void set_status(unsigned value)
{
    if (driver.modern)
        w8(STATUS, (uint8_t)value);
    else
        machine_out8(driver.io + L_STATUS, (uint8_t)value);
}

/* Why there was an interrupt; it ends. */
static uint8_t causes(void)
{
    return driver.modern ? machine_mmio_read8(driver.isr) : machine_in8(driver.io + L_ISR);
}

static uint64_t offered_features(void)
{
    uint64_t features;

    if (!driver.modern)
        return machine_in32(driver.io + L_OFFERED);
    w32(DEVICE_FEATURE_SELECT, 1);
    features = (uint64_t)r32(DEVICE_FEATURE) << 32;
    w32(DEVICE_FEATURE_SELECT, 0);
    return features | r32(DEVICE_FEATURE);
}

static void accept_features(uint64_t features)
{
    if (!driver.modern) {
        machine_out32(driver.io + L_ACCEPTED, (uint32_t)features);
        return;
    }
    for (uint32_t word = 0; word < 2; word++) {
        w32(DRIVER_FEATURE_SELECT, word);
        w32(DRIVER_FEATURE, (uint32_t)(features >> 32 * word));
    }
}

static uint8_t device_config(unsigned offset)
{
    return driver.modern ? machine_mmio_read8(driver.device + offset)
                         : machine_in8((uint16_t)(driver.io + L_CONFIG + offset));
}

static unsigned available(unsigned queue)
{
    return QUEUE(queue) + 16 * sizes[queue];
}

static unsigned used(unsigned queue)
{
    return (available(queue) + 6 + 2 * sizes[queue] + PAGE - 1) / PAGE * PAGE;
}

static void set_up_queue(unsigned queue)
{
    if (!driver.modern) {
        machine_out16(driver.io + L_SELECT, (uint16_t)queue);
        machine_out32(driver.io + L_ADDRESS, (uint32_t)((driver.bus + QUEUE(queue)) / PAGE));
        return;
    }
    w16(QUEUE_SELECT, queue);
    w32(QUEUE_DESC, (uint32_t)driver.bus + QUEUE(queue));
    w32(QUEUE_DRIVER, (uint32_t)driver.bus + available(queue));
    w32(QUEUE_DEVICE, (uint32_t)driver.bus + used(queue));
    w16(QUEUE_ENABLE, 1);
}

static void notify(unsigned queue)
{
    if (driver.modern)
        machine_mmio_write16(driver.doorbell + 4 * queue, (uint16_t)queue);
    else
        machine_out16(driver.io + L_NOTIFY, (uint16_t)queue);
}

/* ---- Virtqueues ---- */

static void describe_at(unsigned place, unsigned memory, uint32_t length, unsigned flags, unsigned next)
{
    put32(place, (uint32_t)driver.bus + memory);
    put32(place + 4, 0);
    put32(place + 8, length);
    put16(place + 12, flags);
    put16(place + 14, next);
}

static void describe(unsigned queue, unsigned number, unsigned memory, uint32_t length, unsigned flags)
{
    describe_at(QUEUE(queue) + 16 * number, memory, length, flags, number + 1);
}

static void offer(unsigned queue, unsigned head)
{
    unsigned count = driver.offered[queue]++;

    put16(available(queue) + 4 + 2 * (count % sizes[queue]), head);
    put16(available(queue) + 2, (count + 1) & 0xffff);
}

/* How many buffers have come back, and the last one. */
static unsigned used_count(unsigned queue)
{
    return get16(used(queue) + 2);
}
static unsigned last_used(unsigned queue)
{
    return used(queue) + 4 + 8 * ((used_count(queue) - 1) % sizes[queue]);
}

static void await_used(unsigned queue, unsigned count)
{
    while (used_count(queue) != count)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static void await_status(unsigned bits)
{
    while (!(status() & bits))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

/* Reset, agree on these features, and use all queues. */
static void begin_knowing(uint64_t features)
{
    set_status(0);
    memset(driver.memory, 0, MEMORY);
    memset(driver.offered, 0, sizeof driver.offered);
    set_status(ACKNOWLEDGE);
    set_status(ACKNOWLEDGE | DRIVER);
    accept_features(driver.modern ? features | BIT(VERSION_1) | BIT(ACCESS_PLATFORM) : features);
    driver.header = driver.modern || features & BIT(MRG_RXBUF) ? 12 : 10;
    if (driver.modern)
        set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    for (unsigned queue = 0; queue < QUEUES; queue++)
        set_up_queue(queue);
    set_status(status() | DRIVER_OK);
    irq_unmask(LINE);
    fixture_forget();
}

/* Likewise; of several pairs the driver knows. */
static void begin(uint64_t features)
{
    begin_knowing(PAIRS > 1 ? features | BIT(MQ) : features);
}

static int make_machine(void **state)
{
    (void)state;
    card.queue_pairs = PAIRS;
    if (fixture_make(&MODEL))
        return -1;
    driver.raw = aligned_alloc(PAGE, MEMORY + PAGE);
    driver.io = (uint16_t)(config(0x10, 4) & ~3u);
#ifndef LEGACY_ONLY
    driver.common = machine_mmio_map((uint64_t)config(0x24, 4) << 32 | (config(0x20, 4) & ~15u), 0x4000);
    if (!driver.common)
        return -1;
    driver.isr = driver.common + 0x1000;
    driver.device = driver.common + 0x2000;
    driver.doorbell = driver.common + 0x3000;
#endif
    return driver.raw ? 0 : -1;
}

static int end_machine(void **state)
{
    (void)state;
    fixture_end();
    free(driver.raw);
    return 0;
}

static int map_memory(bool modern)
{
    uint64_t shift;

    driver.modern = modern;
    driver.mapped = iommu_map(card.dma, driver.raw, MEMORY + PAGE, IOMMU_BIDIRECTIONAL);
    shift = -driver.mapped & (PAGE - 1);
    driver.bus = driver.mapped + shift;
    driver.memory = driver.raw + shift;
    set_status(0);
    fixture_forget();
    return driver.mapped ? 0 : -1;
}

#ifndef LEGACY_ONLY
static int by_specification(void **state)
{
    (void)state;
    return map_memory(true);
}
#endif

static int as_before_it(void **state)
{
    (void)state;
    return map_memory(false);
}

static int stop(void **state)
{
    (void)state;
    set_status(0);
    iommu_unmap(card.dma, driver.mapped, MEMORY + PAGE);
    MODEL.set_cable(card.nic, true);
    irq_unmask(LINE);
    return 0;
}

/* ---- The bus, features, status, configuration ---- */

static unsigned vendor_capabilities(void)
{
    unsigned count = 0;

    for (unsigned at = config(0x34, 1); at; at = config(at + 1, 1))
        count += config(at, 1) == 9;
    return count;
}

static void the_card_is_found(void **state)
{
    (void)state;
    assert_int_equal(config(0, 4), 0x10001af4);
    assert_int_equal(config(8, 1), 0); /* revision */
    assert_int_equal(config(0x2c, 4), 0x00011af4);
    assert_int_equal(config(0x10, 4) & 1, 1); /* ports */
#ifdef LEGACY_ONLY
    assert_int_equal(vendor_capabilities(), 0);
    assert_int_equal(config(0x20, 4), 0);
#else
    assert_int_equal(vendor_capabilities(), 5);
    assert_int_equal(config(0x20, 4) & 15, 12); /* 64 bits, prefetchable */
#endif
}

static void features_are_offered_and_accepted(void **state)
{
    uint64_t offered = offered_features();

    (void)state;
    assert_true(offered & BIT(CSUM) && offered & BIT(MRG_RXBUF) && offered & BIT(INDIRECT) &&
                offered & BIT(EVENT_IDX));
    assert_int_equal(!!(offered & BIT(VERSION_1)), driver.modern);
    assert_int_equal(!!(offered & BIT(ACCESS_PLATFORM)), driver.modern);
    assert_int_equal(!!(offered & BIT(ANY_LAYOUT)), !driver.modern);
    set_status(ACKNOWLEDGE | DRIVER);
    accept_features(BIT(CSUM) | BIT(MRG_RXBUF));
    set_status(0);
    assert_int_equal(status(), 0);
    if (!driver.modern) {
        assert_int_equal(machine_in32(driver.io + L_ACCEPTED), 0);
        accept_features(BIT(CSUM) | BIT(30)); /* one that is not offered */
        assert_int_equal(machine_in32(driver.io + L_ACCEPTED), BIT(CSUM));
    }
}

static void the_configuration_has_address_and_link(void **state)
{
    (void)state;
    begin(0);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(device_config(i), mac[i]);
    assert_int_equal(device_config(6), 1);
    assert_int_equal(device_config(12) | device_config(13) << 8, 1000);
    assert_int_equal(device_config(16), 1);
    assert_int_equal(device_config(20), 0); /* behind its end */
}

static void a_link_that_changes_interrupts(void **state)
{
    (void)state;
    begin(0);
    MODEL.set_cable(card.nic, false);
    wait_interrupt();
    assert_int_equal(causes(), ISR_CONFIG);
    assert_int_equal(causes(), 0);
    assert_int_equal(device_config(6), 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
}

#ifndef LEGACY_ONLY
static void feature_words_behind_the_second_are_empty(void **state)
{
    (void)state;
    w32(DEVICE_FEATURE_SELECT, 2);
    assert_int_equal(r32(DEVICE_FEATURE), 0);
    w32(DRIVER_FEATURE_SELECT, 2);
    w32(DRIVER_FEATURE, 1);
    w32(DRIVER_FEATURE_SELECT, 0);
    assert_int_equal(r32(DRIVER_FEATURE), 0);
}

static bool settles(uint64_t features)
{
    set_status(0);
    set_status(ACKNOWLEDGE | DRIVER);
    accept_features(features);
    set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    return status() & FEATURES_OK;
}

static void features_that_do_not_suit_are_not_settled(void **state)
{
    (void)state;
    assert_true(settles(BIT(VERSION_1) | BIT(ACCESS_PLATFORM)));
    assert_false(settles(BIT(VERSION_1)));
    assert_false(settles(BIT(ACCESS_PLATFORM)));
    assert_false(settles(BIT(VERSION_1) | BIT(ACCESS_PLATFORM) | BIT(50)));
    assert_string_equal(card.misuse, "");
    set_status(ACKNOWLEDGE | DRIVER | DRIVER_OK);
    assert_non_null(strstr(card.misuse, "before it has settled its features"));
}

static void the_status_only_grows(void **state)
{
    (void)state;
    begin(0);
    accept_features(BIT(VERSION_1));
    assert_non_null(strstr(card.misuse, "changes its features"));
    card.misuse[0] = '\0';
    set_status(ACKNOWLEDGE);
    assert_non_null(strstr(card.misuse, "takes back"));
}

static void the_driver_writes_no_configuration(void **state)
{
    (void)state;
    begin(0);
    machine_mmio_write8(driver.device, 0xee);
    assert_int_equal(device_config(0), mac[0]);
}

static void a_change_of_configuration_is_a_generation(void **state)
{
    uint8_t generation;

    (void)state;
    begin(0);
    generation = r8(GENERATION);
    MODEL.set_cable(card.nic, false);
    assert_int_equal((uint8_t)(r8(GENERATION) - generation), 1);
}

static void registers_have_one_width(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(r32(NUM_QUEUES), 0);
    assert_int_equal(r16(NUM_QUEUES), QUEUES);
    assert_string_equal(card.misuse, "");
    w8(QUEUE_SELECT, 1);
    assert_non_null(strstr(card.misuse, "another width"));
}

static void queues_show_what_they_are(void **state)
{
    (void)state;
    for (unsigned queue = 0; queue < QUEUES; queue++) {
        w16(QUEUE_SELECT, queue);
        assert_int_equal(r16(QUEUE_SIZE), sizes[queue]);
        assert_int_equal(r16(NOTIFY_OFF), queue);
        assert_int_equal(r16(QUEUE_ENABLE), 0);
        assert_int_equal(r16(QUEUE_VECTOR), 0xffff);
    }
    w16(QUEUE_SELECT, QUEUES);
    assert_int_equal(r16(QUEUE_SIZE), 0);
    begin(0);
    w16(QUEUE_SELECT, CONTROL);
    assert_int_equal(r16(QUEUE_ENABLE), 1);
    assert_int_equal(r32(QUEUE_DEVICE), (uint32_t)driver.bus + used(CONTROL));
}

static void a_queue_is_not_set_up_just_anyhow(void **state)
{
    (void)state;
    set_status(ACKNOWLEDGE | DRIVER);
    w16(QUEUE_SELECT, TRANSMIT);
    w16(QUEUE_ENABLE, 1);
    assert_non_null(strstr(card.misuse, "before it has settled"));
    for (unsigned i = 0; i < 3; i++) {
        card.misuse[0] = '\0';
        w16(QUEUE_SIZE, (const unsigned[]){0, 100, 512}[i]);
        assert_non_null(strstr(card.misuse, "size that it cannot have"));
    }
    w16(QUEUE_SIZE, 128);
    assert_int_equal(r16(QUEUE_SIZE), 128);
    begin(0);
    w16(QUEUE_SELECT, TRANSMIT);
    w32(QUEUE_DESC, 0);
    assert_non_null(strstr(card.misuse, "in use"));
    card.misuse[0] = '\0';
    w16(QUEUE_ENABLE, 0);
    assert_non_null(strstr(card.misuse, "something else than 1"));
    assert_int_equal(r16(QUEUE_ENABLE), 1);
}

static void configuration_space_leads_to_the_registers(void **state)
{
    unsigned at = config(0x34, 1);

    (void)state;
    while (at && (config(at, 1) != 9 || config(at + 3, 1) != 5))
        at = config(at + 1, 1);
    assert_int_not_equal(at, 0);
    pci_config_write(0, SLOT, 0, at + 4, 1, 4);
    pci_config_write(0, SLOT, 0, at + 8, 4, STATUS);
    pci_config_write(0, SLOT, 0, at + 12, 4, 1);
    pci_config_write(0, SLOT, 0, at + 16, 4, ACKNOWLEDGE);
    assert_int_equal(status(), ACKNOWLEDGE);
    set_status(ACKNOWLEDGE | DRIVER);
    assert_int_equal(config(at + 16, 4), ACKNOWLEDGE | DRIVER);
    pci_config_write(0, SLOT, 0, at + 12, 4, 3); /* no width: nothing is accessed */
    pci_config_write(0, SLOT, 0, at + 16, 4, 0);
    assert_int_equal(status(), ACKNOWLEDGE | DRIVER);
}

static void a_queue_may_be_reset_alone(void **state)
{
    (void)state;
    begin(BIT(RING_RESET));
    w16(QUEUE_SELECT, RECEIVE);
    w16(QUEUE_RESET, 1);
    assert_int_equal(r16(QUEUE_ENABLE), 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
    w16(QUEUE_SELECT, TRANSMIT);
    assert_int_equal(r16(QUEUE_ENABLE), 1);
    assert_string_equal(card.misuse, "");
    begin(0);
    w16(QUEUE_SELECT, RECEIVE);
    w16(QUEUE_RESET, 1);
    assert_non_null(strstr(card.misuse, "not agreed on"));
}
#endif

static void a_legacy_driver_gives_the_address_and_takes_queues_back(void **state)
{
    (void)state;
    begin(0);
    machine_out8(driver.io + L_CONFIG, 0x42);
    assert_int_equal(device_config(0), 0x42);
    machine_out8(driver.io + L_CONFIG + 6, 0);
    machine_out8(driver.io + L_CONFIG + 12, 0);
    assert_int_equal(device_config(6), 1); /* the link is the device's own */
    assert_int_equal(device_config(12) | device_config(13) << 8, 1000);
    machine_out16(driver.io + L_SELECT, RECEIVE);
    assert_int_equal(machine_in16(driver.io + L_SIZE), sizes[RECEIVE]);
    assert_int_equal(machine_in32(driver.io + L_ADDRESS), (driver.bus + QUEUE(RECEIVE)) / PAGE);
    machine_out32(driver.io + L_ADDRESS, 0);
    assert_int_equal(machine_in32(driver.io + L_ADDRESS), 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
    machine_out16(driver.io + L_SELECT, QUEUES);
    assert_int_equal(machine_in16(driver.io + L_SIZE), 0);
}

/* ---- Sending ---- */

/* A frame in BUFFER(0), behind a header of zeros, in one piece. */
static void make_packet(size_t length, uint8_t mark)
{
    memset(driver.memory + BUFFER(0), 0, driver.header);
    make_frame(driver.memory + BUFFER(0) + driver.header, peer, length, mark);
    describe(TRANSMIT, 0, BUFFER(0), (uint32_t)(driver.header + length), 0);
}

static void send(unsigned head)
{
    offer(TRANSMIT, head);
    notify(TRANSMIT);
}

static void a_frame_is_sent_and_its_buffer_comes_back(void **state)
{
    (void)state;
    begin(0);
    make_packet(200, 0xab);
    send(0);
    wait_sent(1);
    assert_int_equal(card.sent_length[0], 200);
    assert_memory_equal(card.sent[0], driver.memory + BUFFER(0) + driver.header, 200);
    wait_interrupt();
    assert_int_equal(causes(), ISR_QUEUE);
    assert_int_equal(used_count(TRANSMIT), 1);
    assert_int_equal(get32(last_used(TRANSMIT)), 0);
    assert_int_equal(get32(last_used(TRANSMIT) + 4), 0); /* octets written */
}

static void a_frame_is_gathered_and_padded(void **state)
{
    (void)state;
    begin(0);
    make_packet(30, 0xcd);
    describe(TRANSMIT, 4, BUFFER(0), driver.header, NEXT);
    describe(TRANSMIT, 5, BUFFER(0) + driver.header, 17, NEXT);
    describe(TRANSMIT, 6, BUFFER(1), 0, NEXT); /* an empty piece */
    describe(TRANSMIT, 7, BUFFER(0) + driver.header + 17, 13, 0);
    send(4);
    wait_sent(1);
    assert_int_equal(card.sent_length[0], 60);
    assert_memory_equal(card.sent[0], driver.memory + BUFFER(0) + driver.header, 30);
    assert_int_equal(card.sent[0][30], 0);
    await_used(TRANSMIT, 1);
    assert_int_equal(get32(last_used(TRANSMIT)), 4);
}

static void a_table_may_stand_for_a_chain(void **state)
{
    (void)state;
    begin(BIT(INDIRECT));
    make_packet(100, 0x11);
    describe_at(TABLE, BUFFER(0), driver.header, NEXT, 1);
    describe_at(TABLE + 16, BUFFER(0) + driver.header, 100, 0, 0);
    describe(TRANSMIT, 3, TABLE, 32, TABLE_FLAG);
    send(3);
    wait_sent(1);
    assert_int_equal(card.sent_length[0], 100);
    await_used(TRANSMIT, 1);
    assert_int_equal(get32(last_used(TRANSMIT)), 3);
}

static void a_checksum_is_put_in(void **state)
{
    uint32_t sum = 0;
    const uint8_t *sent = card.sent[0];

    (void)state;
    begin(BIT(CSUM));
    make_packet(100, 0x37);
    driver.memory[BUFFER(0)] = 1; /* needs a checksum, of all from 20 on, at 20 + 6 */
    put16(BUFFER(0) + 6, 20);
    put16(BUFFER(0) + 8, 6);
    put16(BUFFER(0) + driver.header + 26, 0);
    send(0);
    wait_sent(1);
    for (unsigned i = 20; i < 100; i += 2)
        sum += get_be16(sent + i);
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

/* A packet of TCP over IPv4 to be segmented, its headers' sums left to the device. type: of segmentation. */
static void make_large_packet(size_t payload, unsigned size, uint8_t type)
{
    uint8_t *packet = driver.memory + BUFFER(0), *frame = packet + driver.header;

    make_packet(54 + payload, 0x5a);
    packet[0] = 1; /* needs a checksum, of all from 34 on, at 34 + 16 */
    packet[1] = type;
    put16(BUFFER(0) + 2, 54);
    put16(BUFFER(0) + 4, size);
    put16(BUFFER(0) + 6, 34);
    put16(BUFFER(0) + 8, 16);
    memset(frame + 12, 0, 42);
    frame[12] = 0x08;
    frame[14] = 0x45;
    frame[23] = 6;
    frame[46] = 5 << 4;
}

static void a_large_packet_leaves_in_segments(void **state)
{
    (void)state;
    begin(BIT(CSUM) | BIT(HOST_TSO4));
    make_large_packet(250, 100, 1);
    send(0);
    wait_sent(3);
    assert_int_equal(card.sent_length[0], 54 + 100);
    assert_int_equal(card.sent_length[1], 54 + 100);
    assert_int_equal(card.sent_length[2], 54 + 50);
    assert_int_equal(card.sent[1][41], 100);
    assert_int_equal(card.sent[2][54], 0x5a);
    await_used(TRANSMIT, 1);
}

static void packets_that_were_not_agreed_on_need_a_reset(void **state)
{
    static const struct {
        uint8_t flags, type;
        size_t length;
        const char *finding;
    } wrong[] = {{1, 0, 100, "without VIRTIO_NET_F_CSUM"},
                 {0, 1, 100, "not agreed on"},
                 {0, 0, 10, "too short"},
                 {0, 0, 0, "too short"}};

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(0);
        make_packet(100, 0);
        driver.memory[BUFFER(0)] = wrong[i].flags;
        driver.memory[BUFFER(0) + 1] = wrong[i].type;
        describe(TRANSMIT, 0, BUFFER(0), (uint32_t)(driver.header + wrong[i].length), 0);
        send(0);
        await_status(NEEDS_RESET);
        assert_non_null(strstr(card.misuse, wrong[i].finding));
        assert_true(no_more(&card.sent_frames));
    }
    begin(BIT(CSUM) | BIT(HOST_TSO4));
    make_large_packet(250, 100, 0x81); /* with congestion to be told: of F_HOST_ECN */
    send(0);
    await_status(NEEDS_RESET);
    assert_non_null(strstr(card.misuse, "not agreed on"));
    assert_true(no_more(&card.sent_frames));
}

static void without_a_link_frames_go_nowhere(void **state)
{
    (void)state;
    begin(0);
    MODEL.set_cable(card.nic, false);
    make_packet(100, 0);
    send(0);
    await_used(TRANSMIT, 1);
    assert_true(no_more(&card.sent_frames));
}

/* ---- Receiving ---- */

static void give_buffers_to(unsigned queue, unsigned count, uint32_t length)
{
    for (unsigned i = 0; i < count; i++) {
        describe(queue, i, BUFFER(2 * queue + i), length, WRITE);
        offer(queue, i);
    }
}

static void give_buffers(unsigned count, uint32_t length)
{
    give_buffers_to(RECEIVE, count, length);
}

static void a_frame_goes_behind_a_header(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(bring(mac, 100, 0), WIRE_MISSED); /* no buffer */
    give_buffers(1, 1600);
    memset(driver.memory + BUFFER(0), 0xff, 12);
    assert_int_equal(bring(mac, 100, 0xa5), WIRE_ACCEPTED);
    wait_interrupt();
    assert_int_equal(causes(), ISR_QUEUE);
    assert_int_equal(get32(last_used(RECEIVE) + 4), driver.header + 100);
    assert_int_equal(driver.memory[BUFFER(0)], 0);
    if (driver.modern)
        assert_int_equal(get16(BUFFER(0) + 10), 1);
    assert_memory_equal(driver.memory + BUFFER(0) + driver.header, mac, 6);
    assert_int_equal(driver.memory[BUFFER(0) + driver.header + 99], 0xa5);
    assert_int_equal(driver.memory[BUFFER(0) + driver.header + 100], 0);
    assert_int_equal(bring(mac, 100, 0), WIRE_MISSED);
}

static void a_large_frame_takes_several_buffers(void **state)
{
    (void)state;
    begin(BIT(MRG_RXBUF));
    give_buffers(3, 300);
    assert_int_equal(bring(mac, 1000, 1), WIRE_MISSED); /* not enough: they stay with the driver */
    assert_int_equal(used_count(RECEIVE), 0);
    assert_int_equal(bring(mac, 800, 0x5a), WIRE_ACCEPTED);
    assert_int_equal(used_count(RECEIVE), 3);
    assert_int_equal(get16(BUFFER(0) + 10), 3);
    assert_int_equal(get32(last_used(RECEIVE)), 2);
    assert_int_equal(get32(last_used(RECEIVE) + 4), 800 + 12 - 600);
    assert_int_equal(driver.memory[BUFFER(2) + 800 + 12 - 600 - 1], 0x5a);
}

static void a_buffer_that_is_too_small_takes_no_frame(void **state)
{
    (void)state;
    begin(0);
    give_buffers(2, 200);
    assert_int_equal(bring(mac, 600, 0), WIRE_MISSED);
    assert_int_equal(used_count(RECEIVE), 0);
    assert_int_equal(bring(mac, 100, 0), WIRE_ACCEPTED);
    begin(BIT(MRG_RXBUF));
    give_buffers(2, 0);
    assert_int_equal(bring(mac, 100, 0), WIRE_MISSED);
    assert_int_equal(status() & NEEDS_RESET, 0);
}

static void a_buffer_that_the_iommu_refuses_comes_back_empty(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);

    (void)state;
    begin(0);
    give_buffers(2, 1600);
    put32(QUEUE(RECEIVE), 0x1000);
    assert_int_equal(bring(mac, 100, 0), WIRE_MISSED);
    assert_true(dma_fault_count(card.dma) > faults);
    assert_int_equal(used_count(RECEIVE), 1);
    assert_int_equal(get32(last_used(RECEIVE) + 4), 0);
    assert_int_equal(bring(mac, 100, 0), WIRE_ACCEPTED);
}

/* ---- When the driver is interrupted, and the device notified ---- */

static void a_flag_suppresses_interrupts(void **state)
{
    (void)state;
    begin(0);
    give_buffers(4, 1600);
    put16(available(RECEIVE), 1);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    assert_true(no_more(&card.interrupts));
    put16(available(RECEIVE), 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    wait_interrupt();
}

static void an_event_index_says_when_to_interrupt(void **state)
{
    unsigned used_event = available(RECEIVE) + 4 + 2 * sizes[RECEIVE];

    (void)state;
    begin(BIT(EVENT_IDX));
    give_buffers(4, 1600);
    put16(used_event, 2);         /* behind the third */
    put16(available(RECEIVE), 1); /* means nothing then */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
        if (i == 2)
            wait_interrupt();
        assert_true(no_more(&card.interrupts));
    }
}

/* When the device has sent all, it asks to be notified, and of no other buffer but the next. */
static void the_device_says_when_to_notify(void **state)
{
    unsigned flags = used(TRANSMIT), avail_event = used(TRANSMIT) + 4 + 8 * sizes[TRANSMIT];

    (void)state;
    begin(BIT(EVENT_IDX));
    make_packet(60, 0);
    offer(TRANSMIT, 0);
    send(0);
    wait_sent(2);
    await_used(TRANSMIT, 2);
    while (get16(avail_event) != 2)
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    assert_int_equal(get16(flags), 0);
    begin(0);
    make_packet(60, 0);
    put16(flags, 1);
    send(0);
    await_used(TRANSMIT, 1);
    while (get16(flags))
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
}

static unsigned messages[3];

static bool message(unsigned number, void *context)
{
    (void)context;
    messages[number - IRQ_LINES]++;
    sem_post(&card.interrupts);
    return true;
}

static void set_vector(unsigned queue, unsigned vector)
{
    if (driver.modern) {
        w16(QUEUE_SELECT, queue);
        w16(QUEUE_VECTOR, vector);
    } else {
        machine_out16(driver.io + L_SELECT, (uint16_t)queue);
        machine_out16(driver.io + 22, (uint16_t)vector);
    }
}

/* Table entries of the first vectors, each a message of its own; then MSI-X on, or all off again. */
static void use_messages(bool on)
{
    volatile uint8_t *table = machine_mmio_map(config(0x14, 4) & ~15u, 64);
    unsigned at = config(0x34, 1);

    while (at && config(at, 1) != 0x11)
        at = config(at + 1, 1);
    assert_int_not_equal(at, 0);
    for (unsigned i = 0; i < 3; i++) {
        machine_mmio_write32(table + 16 * i, (uint32_t)IRQ_MESSAGE_ADDRESS);
        machine_mmio_write32(table + 16 * i + 8, IRQ_LINES + i);
        machine_mmio_write32(table + 16 * i + 12, !on);
        assert_true(irq_set_receiver(IRQ_LINES + i, on ? message : NULL, NULL));
    }
    pci_config_write(0, SLOT, 0, at + 2, 2, on ? 0x8000 : 0);
}

static void each_queue_has_a_message(void **state)
{
    (void)state;
    begin(0);
    memset(messages, 0, sizeof messages);
    use_messages(true);
    set_vector(RECEIVE, 1);
    set_vector(TRANSMIT, 2);
    set_vector(CONTROL, 100); /* there is no such one */
    if (driver.modern)
        assert_int_equal(r16(QUEUE_VECTOR), 0xffff);
    else
        assert_int_equal(machine_in16(driver.io + 22), 0xffff);
    give_buffers(1, 1600);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    wait_interrupt();
    make_packet(60, 0);
    send(0);
    await_used(TRANSMIT, 1);
    wait_interrupt();
    assert_int_equal(messages[0], 0);
    assert_int_equal(messages[1], 1);
    assert_int_equal(messages[2], 1);
    assert_int_equal(causes(), 0);
    if (!driver.modern) /* the configuration lies behind the vectors */
        assert_int_equal(machine_in8(driver.io + L_CONFIG + 4), mac[0]);
    use_messages(false);
}

/* ---- Rings that are broken ---- */

/* What is wrong is told, the device asks for a reset, and does nothing until it has had one. */
static void needs_a_reset(const char *finding)
{
    await_status(NEEDS_RESET);
    assert_non_null(strstr(card.misuse, finding));
    wait_interrupt();
    assert_int_equal(causes(), ISR_CONFIG);
    assert_true(no_more(&card.sent_frames));
    notify(TRANSMIT);
    assert_int_equal(used_count(TRANSMIT), 0);
    begin(BIT(INDIRECT));
    assert_int_equal(status() & NEEDS_RESET, 0);
}

static void broken_rings_need_a_reset(void **state)
{
    (void)state;
    begin(BIT(INDIRECT));
    make_packet(60, 0);

    describe(TRANSMIT, 0, BUFFER(0), 100, NEXT); /* 0, 1, 0, ... */
    describe_at(QUEUE(TRANSMIT) + 16, BUFFER(0), 100, NEXT, 0);
    send(0);
    needs_a_reset("or a loop");

    send(sizes[TRANSMIT]);
    needs_a_reset("behind the end of its table");

    describe_at(QUEUE(TRANSMIT), BUFFER(0), 100, NEXT, 0xffff);
    send(0);
    needs_a_reset("behind the end of its table");

    driver.offered[TRANSMIT] = sizes[TRANSMIT];
    send(0);
    needs_a_reset("ahead by more");

    describe(TRANSMIT, 0, BUFFER(0), 100, NEXT | WRITE);
    describe(TRANSMIT, 1, BUFFER(1), 100, 0);
    send(0);
    needs_a_reset("to read behind what it is to write");

    describe(TRANSMIT, 0, BUFFER(0), 100, WRITE);
    send(0);
    needs_a_reset("or one to be written");

    describe(TRANSMIT, 0, BUFFER(0), 0, 0);
    send(0);
    needs_a_reset("without a header");
}

static void broken_tables_need_a_reset(void **state)
{
    (void)state;
    begin(BIT(INDIRECT));
    for (unsigned i = 0; i < 2; i++) {
        describe(TRANSMIT, 0, TABLE, i ? 17 : 0, TABLE_FLAG);
        send(0);
        needs_a_reset("whole descriptors");
    }
    describe(TRANSMIT, 0, TABLE, 16, TABLE_FLAG | NEXT);
    send(0);
    needs_a_reset("followed by another one");

    describe(TRANSMIT, 0, TABLE, 16, TABLE_FLAG);
    describe_at(TABLE, TABLE + 64, 16, TABLE_FLAG, 0);
    send(0);
    needs_a_reset("in an indirect table");

    describe(TRANSMIT, 0, TABLE, 16, TABLE_FLAG);
    describe_at(TABLE, BUFFER(0), 16, NEXT, 1);
    send(0);
    needs_a_reset("behind the end of its table");

    begin(0);
    describe(TRANSMIT, 0, TABLE, 16, TABLE_FLAG);
    send(0);
    needs_a_reset("without VIRTIO_F_INDIRECT_DESC");
}

static void rings_that_are_not_mapped_need_a_reset(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);

    (void)state;
    begin(BIT(INDIRECT));
    describe(TRANSMIT, 0, TABLE, 16, TABLE_FLAG);
    put32(QUEUE(TRANSMIT), 0x1000);
    send(0);
    await_status(NEEDS_RESET);
    assert_int_equal(dma_fault_count(card.dma), faults + 1);
    assert_string_equal(card.misuse, ""); /* the IOMMU has told */
}

static void a_receive_ring_may_be_broken_too(void **state)
{
    (void)state;
    begin(0);
    describe_at(QUEUE(RECEIVE), BUFFER(0), 1600, WRITE | NEXT, 0);
    offer(RECEIVE, 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED);
    assert_true(status() & NEEDS_RESET);
    assert_non_null(strstr(card.misuse, "or a loop"));
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
}

static void notifying_what_is_not_in_use_is_a_finding(void **state)
{
    (void)state;
    set_status(ACKNOWLEDGE | DRIVER);
    notify(TRANSMIT);
    assert_non_null(strstr(card.misuse, "before it may be used"));
    begin(0);
    notify(QUEUES);
    assert_non_null(strstr(card.misuse, "does not have"));
}

/* ---- The control queue ---- */

/* The acknowledgement of a command; data follows class and command. */
static unsigned order_by(unsigned queue, unsigned class, unsigned command, const void *data, size_t length)
{
    uint8_t *place = driver.memory + BUFFER(8);

    place[0] = (uint8_t) class;
    place[1] = (uint8_t)command;
    memcpy(place + 2, data, length);
    place[1000] = 0xff;
    describe(queue, 0, BUFFER(8), 2, NEXT);
    describe(queue, 1, BUFFER(8) + 2, (uint32_t)length, NEXT);
    describe(queue, 2, BUFFER(8) + 1000, 1, WRITE);
    offer(queue, 0);
    notify(queue); /* carried out at once */
    assert_int_equal(used_count(queue), driver.offered[queue]);
    return place[1000];
}

static unsigned order(unsigned class, unsigned command, const void *data, size_t length)
{
    return order_by(CONTROL, class, command, data, length);
}

static bool passes_frame(const uint8_t *frame, size_t length)
{
    give_buffers(1, 1600);
    if (MODEL.receive(card.nic, frame, length) == WIRE_ACCEPTED)
        return true;
    driver.offered[RECEIVE]--; /* it is still there */
    put16(available(RECEIVE) + 2, driver.offered[RECEIVE] & 0xffff);
    return false;
}

static bool passes(const uint8_t *to)
{
    uint8_t frame[60];

    return passes_frame(frame, make_frame(frame, to, sizeof frame, 0));
}

static void the_driver_says_what_to_receive(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3}, on = 1, off = 0;
    uint8_t table[4 + 6 + 4 + 6] = {1}; /* one unicast address, one multicast one */

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_MAC_ADDR));
    assert_true(passes(mac) && passes(broadcast));
    assert_false(passes(peer) || passes(group));
    memcpy(table + 4, peer, 6);
    table[10] = 1;
    memcpy(table + 14, group, 6);
    assert_int_equal(order(1, 0, table, sizeof table), 0);
    assert_true(passes(peer) && passes(group));
    memset(table, 0, 8);
    assert_int_equal(order(1, 0, table, 8), 0);
    assert_false(passes(peer) || passes(group));
    assert_int_equal(order(0, 1, &on, 1), 0);
    assert_true(passes(group));
    assert_false(passes(peer));
    assert_int_equal(order(0, 0, &on, 1), 0);
    assert_true(passes(peer));
    assert_int_equal(order(0, 0, &off, 1), 0);
    assert_int_equal(order(1, 1, peer, 6), 0);
    assert_true(passes(peer));
    assert_false(passes(mac));
}

static void each_kind_of_address_may_be_refused_or_let_through(void **state)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 1, 2, 3}, on = 1, off = 0;
    static const struct {
        unsigned mode;
        const uint8_t *to;
        bool without, with; /* the mode, whether that passes */
    } modes[] = {{1, group, false, true},
                 {2, peer, false, true},
                 {3, group, true, false}, /* all of it is let through otherwise */
                 {4, mac, true, false},
                 {5, broadcast, true, false}};

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_RX_EXTRA));
    for (unsigned i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(order(0, 1, modes[i].mode == 3 ? &on : &off, 1), 0);
        assert_int_equal(passes(modes[i].to), modes[i].without);
        assert_int_equal(order(0, modes[i].mode, &on, 1), 0);
        assert_int_equal(passes(modes[i].to), modes[i].with);
        assert_int_equal(order(0, 0, &on, 1), 0); /* promiscuous: whatever else is on */
        assert_true(passes(modes[i].to));
        assert_int_equal(order(0, 0, &off, 1), 0);
        assert_int_equal(order(0, modes[i].mode, &off, 1), 0);
    }
}

static void tags_are_filtered_but_for_who_wants_all(void **state)
{
    static const uint8_t on = 1, vlan[2] = {5, 0};
    uint8_t frame[60];

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_VLAN));
    make_frame(frame, mac, sizeof frame, 0);
    memcpy(frame + 12, "\x81\x00\x60\x05", 4); /* priority 3, VLAN 5 */
    assert_false(passes_frame(frame, sizeof frame));
    assert_int_equal(order(2, 0, vlan, 2), 0);
    assert_true(passes_frame(frame, sizeof frame));
    assert_int_equal(order(2, 1, vlan, 2), 0);
    assert_false(passes_frame(frame, sizeof frame));
    assert_int_equal(order(0, 0, &on, 1), 0);
    assert_true(passes_frame(frame, sizeof frame));
}

#ifndef LEGACY_ONLY
static void another_address_is_a_generation_too(void **state)
{
    uint8_t generation;

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_MAC_ADDR));
    generation = r8(GENERATION);
    assert_int_equal(order(1, 1, peer, 6), 0);
    assert_int_not_equal(r8(GENERATION), generation);
    assert_int_equal(causes() & ISR_CONFIG, 0); /* the driver knows */
    generation = r8(GENERATION);
    set_status(0); /* its own again */
    assert_int_not_equal(r8(GENERATION), generation);
}
#endif

static void commands_that_were_not_agreed_on_are_refused(void **state)
{
    static const uint8_t on = 1, vlan[2] = {5, 0}, no_vlan[2] = {0, 0x10}, one_too_many[4] = {1};

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX));
    assert_int_equal(order(0, 2, &on, 1), 1); /* of F_CTRL_RX_EXTRA */
    assert_int_equal(order(0, 0, vlan, 2), 1);
    assert_int_equal(order(1, 0, one_too_many, 4), 1);
    assert_int_equal(order(1, 1, mac, 6), 1);
    assert_int_equal(order(2, 0, vlan, 2), 1);
    assert_int_equal(order(77, 0, &on, 1), 1);
    assert_int_equal(order(4, 0, vlan, 2), 1); /* of F_MQ */
    begin(BIT(CTRL_VQ) | BIT(CTRL_VLAN));
    assert_int_equal(order(2, 0, vlan, 2), 0);
    assert_int_equal(order(2, 0, no_vlan, 2), 1);
    assert_int_equal(status() & NEEDS_RESET, 0);
    describe(CONTROL, 0, BUFFER(8), 2, 0); /* no place for the acknowledgement */
    offer(CONTROL, 0);
    notify(CONTROL);
    assert_true(status() & NEEDS_RESET);
    assert_non_null(strstr(card.misuse, "without its parts"));
}

/* ---- Resets ---- */

static void a_reset_forgets_everything(void **state)
{
    static const uint8_t on = 1;

    (void)state;
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_MAC_ADDR));
    assert_int_equal(order(0, 0, &on, 1), 0);
    assert_int_equal(order(1, 1, peer, 6), 0);
    set_status(0);
    assert_int_equal(status(), 0);
    assert_int_equal(causes(), 0);
    assert_int_equal(device_config(0), mac[0]);
    assert_int_equal(device_config(5), mac[5]);
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
    begin(BIT(CTRL_VQ) | BIT(CTRL_RX));
    assert_true(passes(mac));
    assert_false(passes(peer));
}

static void a_reset_drops_what_is_unread(void **state)
{
    struct account before = account_read();
    uint64_t outstanding = account_outstanding(), own;

    (void)state;
    begin(0);
    give_buffers(3, 1600);
    own = iommu_map(card.dma, driver.memory + BUFFER(1), 1600, IOMMU_FROM_DEVICE);
    put32(QUEUE(RECEIVE) + 16, (uint32_t)own);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    iommu_unmap(card.dma, own, 1600); /* the driver reads the second */
    account_frame_delivered();
    set_status(0);
    assert_int_equal(account_read().dropped[ACCOUNT_DROP_NIC] - before.dropped[ACCOUNT_DROP_NIC], 2);
    assert_int_equal(account_outstanding(), outstanding);
}

static int reset_meanwhile(void)
{
    set_status(0);
    return 0;
}

static void a_transmission_that_a_reset_interrupts_does_not_complete(void **state)
{
    (void)state;
    begin(0);
    make_packet(60, 0);
    card.on_transmitted = reset_meanwhile;
    send(0);
    wait_sent(1);
    begin(0);
    make_packet(60, 1);
    send(0);
    wait_sent(1);
    await_used(TRANSMIT, 1); /* not 2 */
    assert_int_equal(card.sent[0][59], 1);
}

/* ---- Several pairs of queues ---- */

#if PAIRS > 1
#define OTHER_RECEIVE (PAIR + RECEIVE)
#define OTHER_TRANSMIT (PAIR + TRANSMIT)
#define FLOWS 16
#define PORTS 34 /* where a frame without options has them */

/* A frame of UDP over IPv4, whose port says the flow. Returns length. */
static size_t make_flow_frame(uint8_t *frame, const uint8_t *to, size_t length, uint8_t flow)
{
    make_frame(frame, to, length, 0);
    frame[12] = 0x08;
    frame[13] = 0;
    frame[14] = 0x45;
    frame[23] = 17;
    frame[PORTS + 1] = flow;
    return length;
}

static enum wire_outcome bring_flow(uint8_t flow)
{
    uint8_t frame[60];

    return MODEL.receive(card.nic, frame, make_flow_frame(frame, mac, sizeof frame, flow));
}

/* The queue that a frame of the flow comes by. */
static unsigned queue_of(uint8_t flow)
{
    unsigned before = used_count(OTHER_RECEIVE);

    give_buffers_to(RECEIVE, 1, 1600);
    give_buffers_to(OTHER_RECEIVE, 1, 1600);
    assert_int_equal(bring_flow(flow), WIRE_ACCEPTED);
    return used_count(OTHER_RECEIVE) > before ? OTHER_RECEIVE : RECEIVE;
}

static void send_flow_by(unsigned queue, uint8_t flow)
{
    unsigned sent = used_count(queue);

    memset(driver.memory + BUFFER(10), 0, driver.header);
    make_flow_frame(driver.memory + BUFFER(10) + driver.header, peer, 60, flow);
    describe(queue, 0, BUFFER(10), driver.header + 60, 0);
    offer(queue, 0);
    notify(queue);
    await_used(queue, sent + 1);
}

static unsigned use_pairs(unsigned count)
{
    const uint8_t data[2] = {(uint8_t)count, (uint8_t)(count >> 8)};

    return order(4, 0, data, sizeof data);
}

static void begin_with_pairs(unsigned count)
{
    begin(BIT(CTRL_VQ));
    assert_int_equal(use_pairs(count), 0);
}

static void it_says_how_many_pairs_there_are(void **state)
{
    (void)state;
    assert_true(offered_features() & BIT(MQ));
    begin(BIT(CTRL_VQ));
    assert_int_equal(device_config(8) | device_config(9) << 8, PAIRS);
}

static void only_so_many_pairs_can_be_used(void **state)
{
    static const uint8_t one[1] = {1};

    (void)state;
    begin_with_pairs(PAIRS);
    assert_int_equal(use_pairs(0), 1);
    assert_int_equal(use_pairs(PAIRS + 1), 1);
    assert_int_equal(order(4, 1, one, 1), 1);
    assert_int_equal(order(4, 0, one, 1), 1);
    assert_int_equal(use_pairs(1), 0);
}

static void at_first_one_pair_is_used(void **state)
{
    (void)state;
    begin(BIT(CTRL_VQ));
    for (uint8_t flow = 0; flow < FLOWS; flow++)
        assert_int_equal(queue_of(flow), RECEIVE);
    begin_with_pairs(PAIRS);
    begin(BIT(CTRL_VQ)); /* a reset forgets it */
    for (uint8_t flow = 0; flow < FLOWS; flow++)
        assert_int_equal(queue_of(flow), RECEIVE);
}

static void flows_are_spread_over_all_pairs_and_stay_there(void **state)
{
    unsigned queues[FLOWS], others = 0;

    (void)state;
    begin_with_pairs(PAIRS);
    for (uint8_t flow = 0; flow < FLOWS; flow++) {
        queues[flow] = queue_of(flow);
        others += queues[flow] == OTHER_RECEIVE;
    }
    assert_true(others > FLOWS / 4 && others < FLOWS - FLOWS / 4);
    for (uint8_t flow = 0; flow < FLOWS; flow++)
        assert_int_equal(queue_of(flow), queues[flow]);
    assert_int_equal(use_pairs(1), 0);
    for (uint8_t flow = 0; flow < FLOWS; flow++)
        assert_int_equal(queue_of(flow), RECEIVE);
}

static void a_flow_comes_by_the_pair_that_it_is_sent_by(void **state)
{
    (void)state;
    for (uint8_t flow = 0; flow < FLOWS; flow++) {
        begin_with_pairs(PAIRS); /* nothing is unread */
        send_flow_by(OTHER_TRANSMIT, flow);
        assert_int_equal(queue_of(flow), OTHER_RECEIVE);
        begin_with_pairs(PAIRS);
        send_flow_by(TRANSMIT, flow);
        assert_int_equal(queue_of(flow), RECEIVE);
    }
}

static void what_is_unread_is_not_overtaken(void **state)
{
    (void)state;
    for (uint8_t flow = 0; flow < FLOWS; flow++) {
        unsigned queue;

        begin_with_pairs(PAIRS);
        queue = queue_of(flow);
        send_flow_by(queue == RECEIVE ? OTHER_TRANSMIT : TRANSMIT, flow);
        assert_int_equal(queue_of(flow), queue);
    }
}

static void a_driver_that_knows_of_one_pair_finds_its_control_queue(void **state)
{
    static const uint8_t on = 1;

    (void)state;
    begin_knowing(BIT(CTRL_VQ) | BIT(CTRL_RX));
    assert_int_equal(order_by(PAIR, 0, 0, &on, 1), 0);
    give_buffers(1, 1600);
    assert_int_equal(bring(peer, 60, 0), WIRE_ACCEPTED);
    assert_int_equal(order_by(PAIR, 4, 0, &on, 1), 1);
}
#endif

#define LEGACY(test)                                                                                         \
    {                                                                                                        \
#test ", legacy", test, as_before_it, stop, NULL                                                     \
    }
#ifdef LEGACY_ONLY
#define BOTH(test) LEGACY(test)
#else
#define MODERN(test)                                                                                         \
    {                                                                                                        \
#test, test, by_specification, stop, NULL                                                            \
    }
#define BOTH(test) MODERN(test), LEGACY(test)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if PAIRS > 1
        BOTH(it_says_how_many_pairs_there_are),
        BOTH(only_so_many_pairs_can_be_used),
        BOTH(at_first_one_pair_is_used),
        BOTH(flows_are_spread_over_all_pairs_and_stay_there),
        BOTH(a_flow_comes_by_the_pair_that_it_is_sent_by),
        BOTH(what_is_unread_is_not_overtaken),
        BOTH(a_driver_that_knows_of_one_pair_finds_its_control_queue),
#endif
        BOTH(the_card_is_found),
        BOTH(features_are_offered_and_accepted),
        BOTH(the_configuration_has_address_and_link),
        BOTH(a_link_that_changes_interrupts),
#ifndef LEGACY_ONLY
        MODERN(feature_words_behind_the_second_are_empty),
        MODERN(features_that_do_not_suit_are_not_settled),
        MODERN(the_status_only_grows),
        MODERN(the_driver_writes_no_configuration),
        MODERN(a_change_of_configuration_is_a_generation),
        MODERN(another_address_is_a_generation_too),
        MODERN(registers_have_one_width),
        MODERN(queues_show_what_they_are),
        MODERN(a_queue_is_not_set_up_just_anyhow),
        MODERN(configuration_space_leads_to_the_registers),
        MODERN(a_queue_may_be_reset_alone),
#endif
        LEGACY(a_legacy_driver_gives_the_address_and_takes_queues_back),
        BOTH(a_frame_is_sent_and_its_buffer_comes_back),
        BOTH(a_frame_is_gathered_and_padded),
        BOTH(a_table_may_stand_for_a_chain),
        BOTH(a_checksum_is_put_in),
        BOTH(a_large_packet_leaves_in_segments),
        BOTH(packets_that_were_not_agreed_on_need_a_reset),
        BOTH(without_a_link_frames_go_nowhere),
        BOTH(a_frame_goes_behind_a_header),
        BOTH(a_large_frame_takes_several_buffers),
        BOTH(a_buffer_that_is_too_small_takes_no_frame),
        BOTH(a_buffer_that_the_iommu_refuses_comes_back_empty),
        BOTH(a_flag_suppresses_interrupts),
        BOTH(an_event_index_says_when_to_interrupt),
        BOTH(the_device_says_when_to_notify),
        BOTH(each_queue_has_a_message),
        BOTH(broken_rings_need_a_reset),
        BOTH(broken_tables_need_a_reset),
        BOTH(rings_that_are_not_mapped_need_a_reset),
        BOTH(a_receive_ring_may_be_broken_too),
        BOTH(notifying_what_is_not_in_use_is_a_finding),
        BOTH(the_driver_says_what_to_receive),
        BOTH(each_kind_of_address_may_be_refused_or_let_through),
        BOTH(tags_are_filtered_but_for_who_wants_all),
        BOTH(commands_that_were_not_agreed_on_are_refused),
        BOTH(a_reset_forgets_everything),
        BOTH(a_reset_drops_what_is_unread),
        BOTH(a_transmission_that_a_reset_interrupts_does_not_complete),
    };

    return cmocka_run_group_tests(tests, make_machine, end_machine);
}
