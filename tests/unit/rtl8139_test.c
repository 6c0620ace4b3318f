/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RTL8139 model, used as a driver would use it: through the PCI bus, ports and memory-mapped registers,
 * DMA memory behind the IOMMU, and interrupts. Frames come and go by the wire's two functions.
 */
#include <errno.h>
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
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/wire/account.h"
#include "harness/wire/wire.h"
#include "tests/unit/nic_fixture.h"

/* The data sheet's numbers once more, written down apart from the model's. */
enum {
    IDR0 = 0x00,
    MAR0 = 0x08,
    TSD0 = 0x10,
    TSAD0 = 0x20,
    RBSTART = 0x30,
    CR = 0x37,
    CAPR = 0x38,
    CBR = 0x3a,
    IMR = 0x3c,
    ISR = 0x3e,
    TCR = 0x40,
    RCR = 0x44,
    TCTR = 0x48,
    MPC = 0x4c,
    EECR = 0x50,
    CONFIG1 = 0x52,
    CONFIG3 = 0x59,
    MSR = 0x58,
    TSAD_ALL = 0x60,
    BMCR = 0x62,
    BMSR = 0x64,
    ANLPAR = 0x68,
    CSCR = 0x74,
};
enum { BUFE = 0x01, TE = 0x04, RE = 0x08, RST = 0x10 };
enum { ROK = 0x0001, TOK = 0x0004, TER = 0x0008, RXOVW = 0x0010, PUN = 0x0020, FOVW = 0x0040, SERR = 0x8000 };
enum { AAP = 0x01, APM = 0x02, AM = 0x04, AB = 0x08, WRAP = 0x80 };
#define OWN 0x2000u
#define TSD_TOK 0x8000u
#define TABT 0x40000000u
#define TUN 0x00004000u

#define RING_MAX 65536
#define RING_TAIL (16 + 2048) /* behind the ring, for frames that WRAP lets run over its end */
#define TX_BUFFER 1792

/* The driver: it is the only one in the program. */
static struct {
    uint16_t io;
    volatile uint8_t *mmio;

    uint8_t *ring;
    uint64_t ring_bus;
    uint32_t ring_size;
    uint32_t read; /* offset of the next frame in the ring */

    uint8_t *tx[4];
    uint64_t tx_bus[4];
} driver;

static uint8_t r8(unsigned offset)
{
    return machine_mmio_read8(driver.mmio + offset);
}
static uint16_t r16(unsigned offset)
{
    return machine_mmio_read16(driver.mmio + offset);
}
static uint32_t r32(unsigned offset)
{
    return machine_mmio_read32(driver.mmio + offset);
}
static void w8(unsigned offset, uint8_t value)
{
    machine_mmio_write8(driver.mmio + offset, value);
}
static void w16(unsigned offset, uint16_t value)
{
    machine_mmio_write16(driver.mmio + offset, value);
}
static void w32(unsigned offset, uint32_t value)
{
    machine_mmio_write32(driver.mmio + offset, value);
}

static int make_machine(void **state)
{
    (void)state;
    card.fault = (struct fault_plan){.kind = FAULT_TRANSMIT_ERROR, .at = 1};
    if (fixture_make(&nic_rtl8139))
        return -1;
    driver.ring = malloc(RING_MAX + RING_TAIL);
    for (unsigned i = 0; i < 4; i++)
        driver.tx[i] = malloc(TX_BUFFER);
    driver.io = (uint16_t)(config(0x10, 4) & ~3u);
    driver.mmio = machine_mmio_map(config(0x14, 4) & ~15u, 256);
    machine_boot_finished();
    return driver.mmio ? 0 : -1;
}

static int end_machine(void **state)
{
    (void)state;
    fixture_end();
    for (unsigned i = 0; i < 4; i++)
        free(driver.tx[i]);
    free(driver.ring);
    return 0;
}

/* Map the ring and the transmit buffers, reset the chip and start it as a driver does. */
static void start(uint32_t ring_size, uint32_t rcr)
{
    unsigned rblen = ring_size == 8192 ? 0 : ring_size == 16384 ? 1 : ring_size == 32768 ? 2 : 3;

    driver.ring_size = ring_size;
    driver.read = 0;
    memset(driver.ring, 0xee, RING_MAX + RING_TAIL);
    driver.ring_bus = iommu_map(card.dma, driver.ring, ring_size + RING_TAIL, IOMMU_FROM_DEVICE);
    w8(CR, RST);
    w32(RBSTART, (uint32_t)driver.ring_bus);
    for (unsigned i = 0; i < 4; i++) {
        driver.tx_bus[i] = iommu_map(card.dma, driver.tx[i], TX_BUFFER, IOMMU_TO_DEVICE);
        w32(TSAD0 + 4 * i, (uint32_t)driver.tx_bus[i]);
    }
    w8(CR, RE | TE);
    w32(RCR, rblen << 11 | rcr);
    irq_unmask(LINE);
    fixture_forget();
}

static int stop(void **state)
{
    (void)state;
    w8(CR, RST);
    if (dma_mapping_count(card.dma)) {
        iommu_unmap(card.dma, driver.ring_bus, driver.ring_size + RING_TAIL);
        for (unsigned i = 0; i < 4; i++)
            iommu_unmap(card.dma, driver.tx_bus[i], TX_BUFFER);
    }
    return dma_mapping_count(card.dma) ? -1 : 0;
}

static void make_pattern(uint8_t *frame, const uint8_t *to, unsigned seed, size_t length)
{
    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(seed * 31 + i * 7 + i / 251);
    memcpy(frame, to, 6);
    memcpy(frame + 6, peer, 6);
}

static enum wire_outcome bring_pattern(const uint8_t *to, unsigned seed, size_t length)
{
    uint8_t frame[1600];

    make_pattern(frame, to, seed, length);
    return nic_rtl8139.receive(card.nic, frame, length);
}

static uint32_t reverse_bits(uint32_t value)
{
    uint32_t reversed = 0;

    for (unsigned i = 0; i < 32; i++)
        reversed |= (value >> i & 1) << (31 - i);
    return reversed;
}

/* Read octets at the driver's place in the ring, as the mode demands: with WRAP frames run over the end. */
static void copy_ring(uint8_t *to, uint32_t offset, size_t length, bool wrap)
{
    for (size_t i = 0; i < length; i++)
        to[i] = driver.ring[wrap ? offset + i : (offset + i) % driver.ring_size];
}

/* Take a frame out of the ring and check it. */
static void expect_frame(const uint8_t *to, unsigned seed, size_t length, unsigned status, bool wrap)
{
    uint8_t entry[4 + 1600 + 4], frame[1600];
    uint32_t crc;

    assert_int_equal(r8(CR) & BUFE, 0);
    copy_ring(entry, driver.read, 4 + length + 4, wrap);
    assert_int_equal(entry[0] | entry[1] << 8, status);
    assert_int_equal(entry[2] | entry[3] << 8, length + 4);
    make_pattern(frame, to, seed, length);
    assert_memory_equal(entry + 4, frame, length);
    crc = reverse_bits(~slow_crc(frame, length));
    assert_memory_equal(entry + 4 + length, &crc, 4);
    driver.read = (uint32_t)(driver.read + 4 + length + 4 + 3) & ~3u;
    w16(CAPR, (uint16_t)(driver.read - 16));
    driver.read %= driver.ring_size;
}

/* Wait, by interrupts, until a transmit descriptor is done. Returns its status. */
static uint32_t wait_transmitted(unsigned descriptor)
{
    w16(IMR, TOK | TER);
    while (!(r32(TSD0 + 4 * descriptor) & (TSD_TOK | TABT))) {
        wait_interrupt();
        w16(ISR, TOK | TER);
        irq_unmask(LINE);
    }
    return r32(TSD0 + 4 * descriptor);
}

/* ---- The bus ---- */

static void the_card_is_found_and_sized(void **state)
{
    (void)state;
    assert_int_equal(config(0x00, 4), 0x813910ec);
    assert_int_equal(config(0x08, 4), 0x02000010); /* Ethernet, revision of the C */
    assert_int_equal(config(0x2c, 4), 0x813910ec);
    assert_int_equal(config(0x3c, 1), LINE);
    assert_int_equal(config(0x3d, 1), 1);
    for (unsigned bar = 0; bar < 2; bar++) {
        uint32_t address = config(0x10 + 4 * bar, 4);

        pci_config_write(0, SLOT, 0, 0x10 + 4 * bar, 4, 0xffffffff);
        assert_int_equal(config(0x10 + 4 * bar, 4), bar == 0 ? 0xffffff01 : 0xffffff00);
        pci_config_write(0, SLOT, 0, 0x10 + 4 * bar, 4, address);
    }
}

static void both_bars_show_the_same_registers(void **state)
{
    (void)state;
    w32(MAR0, 0x12345678);
    assert_int_equal(machine_in32((uint16_t)(driver.io + MAR0)), 0x12345678);
    machine_out8((uint16_t)(driver.io + MAR0 + 1), 0xab);
    assert_int_equal(r32(MAR0), 0x1234ab78);
    assert_int_equal(r16(MAR0 + 2), 0x1234);
}

static void an_access_may_cover_registers_or_parts_of_them(void **state)
{
    (void)state;
    start(8192, APM);
    w32(IMR, 0xffff0005); /* IMR below, ISR above */
    assert_int_equal(r32(IMR), 0x00000005);
    w8(IMR + 1, 0x80);
    assert_int_equal(r16(IMR), 0x8005);
    assert_int_equal(r8(0x36), 0);                     /* reserved or early receive: nothing */
    assert_int_equal(r32(0x34) >> 24, BUFE | RE | TE); /* ERBCR, ERSR, CR */
    assert_int_equal(r32(BMCR), 0x782d1000);           /* with BMSR */
}

static void the_chip_says_that_it_is_an_rtl8139c(void **state)
{
    (void)state;
    w32(TCR, 0);
    assert_int_equal(r32(TCR) & 0x7cc00000, 0x74000000);
}

/* ---- EEPROM ---- */

static void ee(unsigned pins)
{
    w8(EECR, (uint8_t)(0x80 | pins));
}

static void ee_bit(unsigned bit)
{
    ee(8 | bit << 1);
    ee(8 | bit << 1 | 4);
}

static void ee_begin(unsigned bits, unsigned count)
{
    ee(0);
    ee(8);
    while (count--)
        ee_bit(bits >> count & 1);
    ee(8);
}

static unsigned ee_word(void)
{
    unsigned word = 0;

    for (unsigned i = 0; i < 16; i++) {
        ee(8 | 4);
        word = word << 1 | (r8(EECR) & 1);
        ee(8);
    }
    return word;
}

static unsigned ee_read(unsigned address, unsigned address_bits)
{
    unsigned word;

    ee_begin(6 << address_bits | address, 5 + address_bits); /* two zeros ahead of the start bit */
    word = ee_word();
    w8(EECR, 0);
    return word;
}

static void the_eeprom_holds_the_address(void **state)
{
    (void)state;
    assert_int_equal(ee_read(0, 6), 0x8129);
    assert_int_not_equal(ee_read(0, 8), 0x8129); /* so drivers find out that it is no 93C56 */
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ee_read(7 + i, 6), mac[2 * i] | mac[2 * i + 1] << 8);
}

static void the_eeprom_reads_on(void **state)
{
    (void)state;
    ee_begin(6 << 6 | 0, 9);
    assert_int_equal(ee_word(), 0x8129);
    assert_int_equal(ee_word(), 0x10ec);
    assert_int_equal(ee_word(), 0x8139);
    w8(EECR, 0);
}

static void the_eeprom_is_written_only_when_enabled(void **state)
{
    (void)state;
    ee_begin(5 << 6 | 40, 9);
    for (int i = 15; i >= 0; i--)
        ee_bit(0x1234 >> i & 1);
    assert_int_equal(ee_read(40, 6), 0);
    ee_begin(4 << 6 | 0x30, 9); /* EWEN */
    ee_begin(5 << 6 | 40, 9);
    for (int i = 15; i >= 0; i--)
        ee_bit(0x1234 >> i & 1);
    assert_int_equal(ee_read(40, 6), 0x1234);
    assert_int_equal(ee_read(39, 6), 0);
    ee_begin(4 << 6, 9);      /* EWDS */
    ee_begin(7 << 6 | 40, 9); /* ERASE */
    assert_int_equal(ee_read(40, 6), 0x1234);
}

static void autoload_restores_the_address(void **state)
{
    (void)state;
    w32(IDR0, 0);
    assert_int_equal(r32(IDR0), 0);
    w8(EECR, 0x40);
    assert_int_equal(r32(IDR0), 0x12005452);
    assert_int_equal(r16(IDR0 + 4), 0x5634);
    assert_int_equal(r8(EECR) & 0xc0, 0);
}

static void configuration_is_locked(void **state)
{
    uint8_t config3 = r8(CONFIG3);

    (void)state;
    w8(EECR, 0);
    w8(CONFIG3, config3 ^ 0x20);
    w16(BMCR, 0x2100);
    assert_int_equal(r8(CONFIG3), config3);
    assert_int_equal(r16(BMCR), 0x1000);
    w8(EECR, 0xc0);
    w8(CONFIG3, config3 ^ 0x20);
    w16(BMCR, 0x2100);
    assert_int_equal(r8(CONFIG3), config3 ^ 0x20);
    assert_int_equal(r16(BMCR), 0x2100);
    w8(CONFIG1, 0xff);
    assert_int_equal(r8(CONFIG1) & 0x0c, 0x0c);
    w8(CONFIG3, config3);
    w16(BMCR, 0x1000);
    w8(EECR, 0);
}

/* ---- Reset ---- */

static void reset_clears_all_but_the_address(void **state)
{
    (void)state;
    start(32768, APM | AAP);
    w32(MAR0, 0xa5a5a5a5);
    w16(IMR, 0xffff);
    bring_pattern(mac, 1, 100);
    w8(CR, RST);
    assert_int_equal(r8(CR), BUFE);
    assert_int_equal(r16(ISR), 0);
    assert_int_equal(r16(IMR), 0);
    assert_int_equal(r32(RCR), 0);
    assert_int_equal(r16(CAPR), 0xfff0);
    assert_int_equal(r16(CBR), 0);
    assert_int_equal(r32(MPC), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r32(TSD0 + 4 * i), OWN);
    assert_int_equal(r32(IDR0), 0x12005452);
    assert_int_equal(r32(MAR0), 0xa5a5a5a5);
    assert_false(irq_line_state(LINE).high);
}

static void reset_drops_what_is_unread(void **state)
{
    struct account before = account_read(), after;

    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 6; i++) /* the last one waits in the FIFO */
        assert_int_equal(bring_pattern(mac, i, 1514), WIRE_ACCEPTED);
    expect_frame(mac, 0, 1514, 0x4001, false);
    account_frame_delivered();
    w8(CR, TE);
    w8(CR, TE | RE);
    after = account_read();
    assert_int_equal(after.accepted - before.accepted, 6);
    assert_int_equal(after.dropped[ACCOUNT_DROP_NIC] - before.dropped[ACCOUNT_DROP_NIC], 5);
    assert_int_equal(account_outstanding(), 0);
    assert_int_equal(r8(CR) & BUFE, BUFE);
}

static void reset_drops_what_is_in_the_fifo(void **state)
{
    struct account before = account_read();

    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(bring_pattern(mac, i, 1514), WIRE_ACCEPTED);
    w8(CR, RST);
    assert_int_equal(account_read().dropped[ACCOUNT_DROP_NIC] - before.dropped[ACCOUNT_DROP_NIC], 6);
    assert_int_equal(account_outstanding(), 0);
}

static void another_ring_size_begins_anew(void **state)
{
    (void)state;
    start(32768, APM);
    for (unsigned i = 0; i < 8; i++)
        bring_pattern(mac, i, 1514);
    assert_int_equal(r16(CBR), 8 * 1524);
    w32(RCR, APM); /* 8 KB: CBR would lie behind its end */
    assert_int_equal(r16(CBR), 0);
    assert_int_equal(r8(CR) & BUFE, BUFE);
    assert_int_equal(account_outstanding(), 0);
}

/* ---- Reception ---- */

static void a_frame_gets_header_and_crc(void **state)
{
    (void)state;
    start(8192, APM);
    assert_int_equal(r8(CR) & BUFE, BUFE);
    assert_int_equal(bring_pattern(mac, 5, 61), WIRE_ACCEPTED);
    assert_int_equal(r16(ISR), ROK);
    assert_int_equal(r16(CBR), 72); /* 4 + 61 + 4, to the next double word */
    expect_frame(mac, 5, 61, 0x4001, false);
    account_frame_delivered();
    assert_int_equal(r8(CR) & BUFE, BUFE);
    assert_int_equal(r16(CAPR), 72 - 16);
    assert_int_equal(driver.ring[72], 0xee);
}

static void filter(uint32_t rcr, const uint8_t *to, enum wire_outcome outcome, unsigned status)
{
    uint32_t read = driver.read;

    w32(RCR, rcr);
    assert_int_equal(bring_pattern(to, 1, 60), outcome);
    if (outcome == WIRE_ACCEPTED) {
        expect_frame(to, 1, 60, status, false);
        account_frame_delivered();
    } else {
        assert_int_equal(r16(CBR), read);
    }
}

static void frames_are_filtered_by_address(void **state)
{
    static const uint8_t other[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x58};

    (void)state;
    start(8192, 0);
    filter(0, mac, WIRE_FILTERED, 0);
    filter(AB | AM | AAP, broadcast, WIRE_ACCEPTED, 0x2001);
    filter(APM | AM | AAP, broadcast, WIRE_FILTERED, 0);
    filter(APM, mac, WIRE_ACCEPTED, 0x4001);
    filter(APM, other, WIRE_FILTERED, 0);
    filter(AAP, other, WIRE_ACCEPTED, 0x0001);
    w8(CR, TE);
    filter(APM, mac, WIRE_FILTERED, 0);
}

static void multicast_goes_by_hash(void **state)
{
    (void)state;
    start(8192, 0);
    for (unsigned i = 0; i < 64; i++) {
        const uint8_t group[6] = {0x01, 0x00, 0x5e, 0x00, (uint8_t)(i * 5), (uint8_t)i};
        unsigned bit = slow_crc(group, 6) >> 26;

        w32(MAR0, bit < 32 ? 1u << bit : 0);
        w32(MAR0 + 4, bit < 32 ? 0 : 1u << (bit - 32));
        filter(AM, group, WIRE_ACCEPTED, 0x8001);
        filter(AAP | APM | AB, group, WIRE_FILTERED, 0);
        w32(MAR0, bit < 32 ? ~(1u << bit) : ~0u);
        w32(MAR0 + 4, bit < 32 ? ~0u : ~(1u << (bit - 32)));
        filter(AM, group, WIRE_FILTERED, 0);
    }
}

/* Many times around the ring, one to three frames in it, every length. */
static void go_around(uint32_t size, uint32_t wrap)
{
    bool runs_over = wrap && size != 65536;
    unsigned seed = 0;

    start(size, APM | wrap);
    for (unsigned round = 0; round < 4 * size / 700; round++) {
        unsigned count = 1 + round % 3;
        size_t lengths[3];

        for (unsigned i = 0; i < count; i++) {
            lengths[i] = 60 + (seed + i) * 397 % 1455;
            assert_int_equal(bring_pattern(mac, seed + i, lengths[i]), WIRE_ACCEPTED);
        }
        for (unsigned i = 0; i < count; i++) {
            expect_frame(mac, seed++, lengths[i], 0x4001, runs_over);
            account_frame_delivered();
        }
        assert_int_equal(r8(CR) & BUFE, BUFE);
        assert_int_equal(r16(CBR), driver.read);
        for (unsigned i = 0; !runs_over && i < RING_TAIL; i++)
            assert_int_equal(driver.ring[size + i], 0xee);
    }
    assert_int_equal(r16(ISR) & ~ROK, 0);
    stop(NULL);
}

static void the_ring_wraps_around(void **state)
{
    (void)state;
    for (uint32_t size = 8192; size <= 65536; size *= 2) {
        go_around(size, 0);
        go_around(size, WRAP);
    }
    start(8192, 0); /* for the teardown */
}

static void a_full_ring_overflows_into_the_fifo_and_then_misses(void **state)
{
    unsigned next = 0;

    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(bring_pattern(mac, i, 1514), WIRE_ACCEPTED);
    assert_int_equal(r16(ISR), ROK);
    assert_int_equal(bring_pattern(mac, 5, 1514), WIRE_ACCEPTED);
    assert_int_equal(r16(ISR), ROK | RXOVW);
    assert_int_equal(bring_pattern(mac, 99, 1514), WIRE_MISSED);
    assert_int_equal(bring_pattern(mac, 98, 700), WIRE_MISSED);
    assert_int_equal(r16(ISR), ROK | RXOVW | FOVW);
    assert_int_equal(r32(MPC), 2);
    assert_int_equal(bring_pattern(mac, 6, 60),
                     WIRE_ACCEPTED); /* the FIFO still has room for a short one, in its order */
    for (; next < 5; next++)
        expect_frame(mac, next, 1514, 0x4001, false);
    expect_frame(mac, next++, 1514, 0x4001, false);
    expect_frame(mac, next++, 60, 0x4001, false);
    assert_int_equal(r8(CR) & BUFE, BUFE);
    w16(ISR, ROK | RXOVW | FOVW);
    assert_int_equal(r16(ISR), 0);
    assert_int_equal(bring_pattern(mac, 7, 1514), WIRE_ACCEPTED);
    expect_frame(mac, 7, 1514, 0x4001, false);
    w32(MPC, 77);
    assert_int_equal(r32(MPC), 0);
    for (unsigned i = 0; i < 8; i++)
        account_frame_delivered();
    assert_int_equal(account_outstanding(), 0);
}

static void a_full_ring_never_looks_empty(void **state)
{
    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 113;
         i++) /* 72 octets each: 113 leave 56, one less than the ring is never used */
        assert_int_equal(bring_pattern(mac, i, 64), WIRE_ACCEPTED);
    assert_int_equal(r16(ISR), ROK);
    assert_int_equal(bring_pattern(mac, 113, 64), WIRE_ACCEPTED);
    assert_int_equal(r16(ISR), ROK | RXOVW);
    for (unsigned i = 0; i < 114; i++) {
        expect_frame(mac, i, 64, 0x4001, false);
        account_frame_delivered();
    }
    assert_int_equal(r8(CR) & BUFE, BUFE);
}

/* ---- Interrupts ---- */

static void interrupts_follow_mask_and_status(void **state)
{
    (void)state;
    start(8192, APM);
    bring_pattern(mac, 1, 60);
    assert_false(irq_line_state(LINE).high); /* masked */
    assert_int_equal(sem_trywait(&card.interrupts), -1);
    w16(IMR, ROK);
    assert_true(irq_line_state(LINE).high);
    assert_int_equal(sem_trywait(&card.interrupts), 0);
    w16(IMR, TOK);
    assert_false(irq_line_state(LINE).high);
    irq_unmask(LINE);
    assert_int_equal(sem_trywait(&card.interrupts), -1);
    w16(IMR, ROK | TOK);
    assert_int_equal(sem_trywait(&card.interrupts), 0);
    irq_unmask(LINE); /* nobody acknowledged: it comes again */
    assert_int_equal(sem_trywait(&card.interrupts), 0);
    expect_frame(mac, 1, 60, 0x4001, false);
    account_frame_delivered();
    w16(ISR, TOK);
    assert_true(irq_line_state(LINE).high); /* another bit than the one that is set */
    w16(ISR, ROK);
    assert_false(irq_line_state(LINE).high);
}

static void rok_cannot_be_acknowledged_away(void **state)
{
    (void)state;
    start(8192, APM);
    bring_pattern(mac, 1, 60);
    bring_pattern(mac, 2, 60);
    expect_frame(mac, 1, 60, 0x4001, false);
    w16(ISR, ROK);
    assert_int_equal(r16(ISR), ROK);
    expect_frame(mac, 2, 60, 0x4001, false);
    w16(ISR, ROK);
    assert_int_equal(r16(ISR), 0);
    account_frame_delivered();
    account_frame_delivered();
}

/* ---- Transmission ---- */

static void send(unsigned descriptor, unsigned seed, size_t length)
{
    make_pattern(driver.tx[descriptor], peer, seed, length);
    w32(TSD0 + 4 * descriptor, (uint32_t)length | 0x00080000);
}

static void expect_sent(size_t which, unsigned seed, size_t length)
{
    uint8_t frame[TX_BUFFER];

    make_pattern(frame, peer, seed, length);
    assert_int_equal(card.sent_length[which], length);
    assert_memory_equal(card.sent[which], frame, length);
}

static void four_descriptors_are_sent_in_turn(void **state)
{
    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 4; i++)
        send(i, i, 60 + 400 * i);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(wait_transmitted(i), (60 + 400 * i) | 0x00080000 | OWN | TSD_TOK);
    assert_int_equal(card.sent_count, 4);
    for (unsigned i = 0; i < 4; i++)
        expect_sent(i, i, 60 + 400 * i);
    assert_int_equal(r16(TSAD_ALL), 0xf00f);
    send(0, 9, 1514); /* and around */
    assert_int_equal(wait_transmitted(0) & (OWN | TSD_TOK), OWN | TSD_TOK);
    expect_sent(4, 9, 1514);
}

static void a_descriptor_waits_for_its_turn(void **state)
{
    (void)state;
    start(8192, APM);
    send(1, 11, 100);
    w8(CR, RE | TE); /* a register access later it still waits */
    assert_int_equal(r32(TSD0 + 4) & (OWN | TSD_TOK), 0);
    send(0, 10, 100);
    wait_transmitted(1);
    assert_int_equal(card.sent_count, 2);
    expect_sent(0, 10, 100);
    expect_sent(1, 11, 100);
}

static void nothing_is_sent_while_the_transmitter_is_off(void **state)
{
    (void)state;
    start(8192, APM);
    w8(CR, RE);
    send(0, 1, 100);
    assert_int_equal(r32(TSD0) & OWN, 0);
    w8(CR, RE | TE);
    wait_transmitted(0);
    expect_sent(0, 1, 100);
}

/* The last finding says this, or there was none. */
static void expect_misuse(const char *text)
{
    assert_int_equal(card.misuse[0] != '\0', text != NULL);
    if (text)
        assert_non_null(strstr(card.misuse, text));
    card.misuse[0] = '\0';
}

static void a_descriptor_that_is_handed_over_wrongly_is_a_finding(void **state)
{
    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 5; i++) {
        send(i % 4, i, 60);
        wait_transmitted(i % 4);
    }
    w32(TSD0, OWN); /* not handed over */
    expect_misuse(NULL);
    w8(CR, RST);
    w8(CR, RE | TE);
    send(0, 1, 60);
    expect_misuse("without an address");
    w8(CR, RST);
    for (unsigned i = 0; i < 4; i++)
        w32(TSAD0 + 4 * i, (uint32_t)driver.tx_bus[i]);
    send(0, 1, 60);
    expect_misuse("transmitter is off");
    w8(CR, RST);
    for (unsigned i = 0; i < 4; i++)
        w32(TSAD0 + 4 * i, (uint32_t)driver.tx_bus[i]);
    w8(CR, RE | TE);
    send(1, 1, 60);
    expect_misuse("the turn of descriptor 0");
    w8(CR, RE);
    for (unsigned i = 0; i < 4; i++)
        send(i, i, 60);
    card.misuse[0] = '\0';
    send(0, 5, 60);
    expect_misuse("not sent yet");
}

static void descriptors_are_written_as_double_words(void **state)
{
    (void)state;
    start(8192, APM);
    w16(TSD0, 100);
    w8(TSAD0, 0);
    assert_int_equal(r32(TSD0), OWN);
    assert_int_equal(r32(TSAD0), driver.tx_bus[0]);
    assert_int_equal(r16(TSAD0 + 2), driver.tx_bus[0] >> 16); /* and read in any size */
}

/* The first test that sends: the first frame is the one that meets an error. */
static void an_empty_fifo_is_told_and_the_frame_sent_anew(void **state)
{
    (void)state;
    start(8192, APM);
    send(0, 1, 60);
    wait_sent(1);
    while (!(r32(TSD0) & OWN))
        sched_yield();
    assert_int_equal(r32(TSD0), 60 | 0x00080000 | OWN | TUN);
    assert_int_equal(r16(ISR) & (TER | TOK), TER);
    expect_sent(0, 1, 60);
    send(1, 2, 60);
    assert_int_equal(wait_transmitted(1) & (TUN | TSD_TOK), TSD_TOK);
}

static void a_frame_that_is_too_long_is_aborted(void **state)
{
    (void)state;
    start(8192, APM);
    w32(TSD0, 1793);
    assert_int_equal(wait_transmitted(0), 1793 | OWN | TABT);
    assert_int_equal(card.sent_count, 0);
    send(1, 2, 60);
    assert_int_equal(wait_transmitted(1) & TSD_TOK, TSD_TOK);
}

static int reset_meanwhile(void)
{
    w8(CR, RST);
    return 0;
}

static void a_reset_forgets_the_frame_on_its_way(void **state)
{
    (void)state;
    start(8192, APM);
    card.on_transmitted = reset_meanwhile;
    send(0, 1, 60);
    while (r8(CR) & TE) /* until the transmit thread has reset the chip, with the frame in its hands */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    card.on_transmitted = NULL;
    w8(CR, TE);
    for (unsigned i = 0; i < 4; i++)
        w32(TSAD0 + 4 * i, (uint32_t)driver.tx_bus[i]);
    send(0, 2, 60); /* the first descriptor's turn again */
    wait_transmitted(0);
    assert_int_equal(r32(TSD0 + 4), OWN);
    assert_int_equal(card.sent_count, 2);
    expect_sent(1, 2, 60);
}

static void loopback_receives_what_is_sent(void **state)
{
    uint8_t frame[64];

    (void)state;
    start(8192, APM);
    w32(TCR, 0x00060000);
    make_pattern(driver.tx[0], mac, 3, 64);
    w32(TSD0, 64);
    wait_transmitted(0);
    expect_frame(mac, 3, 64, 0x4001, false);
    account_frame_delivered();
    make_pattern(frame, mac, 3, 64);
    assert_int_equal(card.sent_count, 0);
    w32(TCR, 0);
}

/* ---- DMA ---- */

static void reception_outside_the_mapping_is_refused(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);
    struct account before = account_read();

    (void)state;
    start(8192, APM);
    w32(RBSTART, (uint32_t)driver.ring_bus + RING_TAIL + 1024); /* the ring's last 1 KB is not mapped */
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(bring_pattern(mac, i, 1514), WIRE_ACCEPTED);
    assert_int_equal(bring_pattern(mac, 4, 1514), WIRE_MISSED);
    assert_int_equal(r16(ISR), ROK | SERR);
    assert_int_equal(dma_fault_count(card.dma), faults + 1);
    assert_int_equal(account_read().accepted - before.accepted, 4);
    w8(CR, RST);
    assert_int_equal(account_outstanding(), 0);
}

static void transmission_outside_a_mapping_is_refused(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);

    (void)state;
    start(8192, APM);
    w32(TSAD0, (uint32_t)driver.tx_bus[0] + TX_BUFFER - 59);
    send(0, 1, 60);
    assert_int_equal(wait_transmitted(0), 60 | 0x00080000 | OWN | TABT);
    assert_int_equal(dma_fault_count(card.dma), faults + 1);
    w32(TSAD0 + 4, (uint32_t)driver.ring_bus); /* mapped, but not for reading */
    send(1, 1, 60);
    assert_int_equal(wait_transmitted(1) & TABT, TABT);
    assert_int_equal(dma_fault_count(card.dma), faults + 2);
    assert_int_equal(card.sent_count, 0);
    assert_int_equal(r16(ISR) & SERR, SERR);
}

static void no_dma_follows_the_end_of_reception_and_transmission(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);

    (void)state;
    start(8192, APM);
    for (unsigned i = 0; i < 4; i++)
        send(i, i, 60);
    w8(CR, 0);
    stop(NULL); /* resets and unmaps at once, wherever the transmit thread is */
    start(8192, APM);
    send(0, 1, 60);
    wait_transmitted(0);
    assert_int_equal(dma_fault_count(card.dma), faults);
}

/* ---- PHY, timer, power ---- */

static void the_link_is_up_with_a_wire(void **state)
{
    (void)state;
    assert_int_equal(r16(BMSR) & 0x24, 0x24);
    assert_int_equal(r16(ANLPAR) & 0x0100, 0x0100); /* 100BASE-TX full duplex */
    assert_int_equal(r8(MSR) & 0x04, 0);
}

static void a_link_that_changes_interrupts_and_carries_nothing_while_it_is_down(void **state)
{
    (void)state;
    start(8192, APM);
    w16(IMR, PUN);
    r16(CSCR);
    card.model->set_cable(card.nic, false);
    wait_interrupt();
    assert_int_equal(r16(ISR), PUN);
    w16(ISR, PUN);
    irq_unmask(LINE);
    assert_int_equal(r16(BMSR) & 0x24, 0);
    assert_int_equal(r8(MSR) & 0x04, 0x04);
    assert_int_equal(r16(CSCR) & 0x0c00, 0x0800); /* changed, down */
    assert_int_equal(r16(CSCR) & 0x0c00, 0);
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
    card.model->set_cable(card.nic, true);
    wait_interrupt();
    assert_int_equal(r16(CSCR) & 0x0c00, 0x0c00);
    card.model->set_cable(card.nic, true); /* no change */
    assert_true(no_more(&card.interrupts));
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
}

static void the_timer_counts_from_a_write(void **state)
{
    uint32_t first;

    (void)state;
    w32(TCTR, 1);
    first = r32(TCTR);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    assert_true(r32(TCTR) - first >= 33 * 2000);
}

static void without_wire_and_without_power(void **state)
{
    struct nic_config nic_config = {.irq_line = 10, .pci_slot = 4};
    volatile uint8_t *mmio;
    struct nic *nic;

    (void)state;
    memcpy(nic_config.mac, peer, sizeof peer);
    nic = nic_rtl8139.create(&nic_config);
    assert_non_null(nic);
    pci_config_write(0, 4, 0, 0x04, 2, PCI_COMMAND_MEMORY_BIT);
    mmio = machine_mmio_map(pci_config_read(0, 4, 0, 0x14, 4) & ~15u, 256);
    assert_int_equal(machine_mmio_read16(mmio + BMSR) & 0x24, 0);
    assert_int_equal(machine_mmio_read16(mmio + ANLPAR), 0);
    assert_int_equal(machine_mmio_read8(mmio + MSR) & 0x04, 0x04);
    assert_int_equal(machine_mmio_read32(mmio + IDR0), 0x12005452);
    nic_rtl8139.power_off(nic);
    assert_int_equal(machine_mmio_read32(mmio + TCR), 0xffffffff);
}

static void the_model_is_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(nic_find_model("rtl8139"), &nic_rtl8139);
    assert_null(nic_find_model("rtl8169"));
    assert_ptr_equal(nic_models[0], &nic_rtl8139);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_card_is_found_and_sized, stop),
        cmocka_unit_test_teardown(an_empty_fifo_is_told_and_the_frame_sent_anew, stop),
        cmocka_unit_test_teardown(both_bars_show_the_same_registers, stop),
        cmocka_unit_test_teardown(an_access_may_cover_registers_or_parts_of_them, stop),
        cmocka_unit_test_teardown(the_chip_says_that_it_is_an_rtl8139c, stop),
        cmocka_unit_test_teardown(the_eeprom_holds_the_address, stop),
        cmocka_unit_test_teardown(the_eeprom_reads_on, stop),
        cmocka_unit_test_teardown(the_eeprom_is_written_only_when_enabled, stop),
        cmocka_unit_test_teardown(autoload_restores_the_address, stop),
        cmocka_unit_test_teardown(configuration_is_locked, stop),
        cmocka_unit_test_teardown(reset_clears_all_but_the_address, stop),
        cmocka_unit_test_teardown(reset_drops_what_is_unread, stop),
        cmocka_unit_test_teardown(reset_drops_what_is_in_the_fifo, stop),
        cmocka_unit_test_teardown(another_ring_size_begins_anew, stop),
        cmocka_unit_test_teardown(a_frame_gets_header_and_crc, stop),
        cmocka_unit_test_teardown(frames_are_filtered_by_address, stop),
        cmocka_unit_test_teardown(multicast_goes_by_hash, stop),
        cmocka_unit_test_teardown(the_ring_wraps_around, stop),
        cmocka_unit_test_teardown(a_full_ring_overflows_into_the_fifo_and_then_misses, stop),
        cmocka_unit_test_teardown(a_full_ring_never_looks_empty, stop),
        cmocka_unit_test_teardown(interrupts_follow_mask_and_status, stop),
        cmocka_unit_test_teardown(rok_cannot_be_acknowledged_away, stop),
        cmocka_unit_test_teardown(four_descriptors_are_sent_in_turn, stop),
        cmocka_unit_test_teardown(a_descriptor_waits_for_its_turn, stop),
        cmocka_unit_test_teardown(nothing_is_sent_while_the_transmitter_is_off, stop),
        cmocka_unit_test_teardown(a_descriptor_that_is_handed_over_wrongly_is_a_finding, stop),
        cmocka_unit_test_teardown(descriptors_are_written_as_double_words, stop),
        cmocka_unit_test_teardown(a_frame_that_is_too_long_is_aborted, stop),
        cmocka_unit_test_teardown(a_reset_forgets_the_frame_on_its_way, stop),
        cmocka_unit_test_teardown(loopback_receives_what_is_sent, stop),
        cmocka_unit_test_teardown(reception_outside_the_mapping_is_refused, stop),
        cmocka_unit_test_teardown(transmission_outside_a_mapping_is_refused, stop),
        cmocka_unit_test_teardown(no_dma_follows_the_end_of_reception_and_transmission, stop),
        cmocka_unit_test_teardown(the_link_is_up_with_a_wire, stop),
        cmocka_unit_test_teardown(a_link_that_changes_interrupts_and_carries_nothing_while_it_is_down, stop),
        cmocka_unit_test_teardown(the_timer_counts_from_a_write, stop),
        cmocka_unit_test(without_wire_and_without_power),
        cmocka_unit_test(the_model_is_found_by_name),
    };

    return cmocka_run_group_tests(tests, make_machine, end_machine);
}
