/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The 82559 model, used as a driver would use it: through the PCI bus, registers, lists of blocks in DMA
 * memory behind the IOMMU, and interrupts. Frames come and go by the wire's two functions.
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
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/octets.h"
#include "harness/wire/account.h"
#include "tests/unit/nic_fixture.h"

/* The manual's numbers once more, written down apart from the model's. */
enum {
    STATUS = 0,
    STAT_ACK = 1,
    COMMAND = 2,
    INTERRUPTS = 3,
    POINTER = 4,
    PORT = 8,
    EEPROM = 0xe,
    MDI = 0x10
};
enum {
    CU_START = 0x10,
    CU_RESUME = 0x20,
    COUNTERS_AT = 0x40,
    DUMP = 0x50,
    CU_BASE = 0x60,
    DUMP_RESET = 0x70
};
enum { RU_START = 1, RU_RESUME = 2, RU_ABORT = 4, RU_BASE = 6 };
enum { CX = 0x80, FR = 0x40, CNA = 0x20, RNR = 0x10, SWI = 4 };
enum { CUS_IDLE = 0, CUS_SUSPENDED = 0x40, CUS_ACTIVE = 0x80, CUS = 0xc0 };
enum { RUS_IDLE = 0, RUS_SUSPENDED = 4, RUS_NO_RESOURCES = 8, RUS_READY = 0x10, RUS = 0x3c };
enum { NOP = 0, IA = 1, CONFIGURE = 2, MULTICAST = 3, TX = 4, MICROCODE = 5, DUMP_STATE = 6, DIAGNOSE = 7 };
enum { SF = 8, NC = 0x10, INT = 0x2000, SUSPEND = 0x4000, EL = 0x8000 };
#define CID(units) ((units) << 8)
enum { DONE = 0xa000, C = 0x8000, OK = 0x2000, NO_ROOM = 0x200, SHORT = 0x80, OTHER_ADDRESS = 2 };

/* The memory that the card may use: blocks and descriptors, with frames behind them, at fixed places. */
#define MEMORY 0x10000
#define CB(n) (0x400 * (n))           /* 8 command blocks */
#define RFD(n) (0x4000 + 0x800 * (n)) /* 4 descriptors */
#define TBDS 0x8000
#define BUFFER 0x9000
#define COUNTERS 0xa000
#define STATE 0xb000

static struct {
    volatile uint8_t *mmio;
    uint16_t io;
    uint8_t *memory;
    uint64_t bus;
} driver;

static uint8_t r8(unsigned offset)
{
    return machine_mmio_read8(driver.mmio + offset);
}
static uint32_t r32(unsigned offset)
{
    return machine_mmio_read32(driver.mmio + offset);
}
static void w8(unsigned offset, uint8_t value)
{
    machine_mmio_write8(driver.mmio + offset, value);
}
static void w32(unsigned offset, uint32_t value)
{
    machine_mmio_write32(driver.mmio + offset, value);
}

static uint32_t bus(unsigned place)
{
    return (uint32_t)driver.bus + place;
}

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

static void command(unsigned value, unsigned place)
{
    w32(POINTER, bus(place));
    w8(COMMAND, (uint8_t)value);
}

static int make_machine(void **state)
{
    (void)state;
    card.fault = (struct fault_plan){.kind = FAULT_TRANSMIT_ERROR, .at = 1};
    if (fixture_make(&nic_82559))
        return -1;
    driver.memory = calloc(1, MEMORY);
    driver.mmio = machine_mmio_map(config(0x10, 4) & ~15u, 0x1000);
    driver.io = (uint16_t)(config(0x14, 4) & ~3u);
    return driver.mmio ? 0 : -1;
}

static int end_machine(void **state)
{
    (void)state;
    fixture_end();
    free(driver.memory);
    return 0;
}

static void link_rfds(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        put32(RFD(i), 0);
        put32(RFD(i) + 4, bus(RFD((i + 1) % count)));
        put32(RFD(i) + 8, UINT32_MAX);
        put16(RFD(i) + 12, 0);
        put16(RFD(i) + 14, 1522);
    }
}

/* Reset; the units' addresses are absolute; command blocks follow each other in a ring of 8, receive frame
 * descriptors in one of 4. */
static void start(void)
{
    w32(PORT, 0);
    w8(INTERRUPTS, 1);
    memset(driver.memory, 0, MEMORY);
    driver.bus = iommu_map(card.dma, driver.memory, MEMORY, IOMMU_BIDIRECTIONAL);
    w32(POINTER, 0);
    w8(COMMAND, CU_BASE);
    w8(COMMAND, RU_BASE);
    for (unsigned i = 0; i < 8; i++)
        put32(CB(i) + 4, bus(CB((i + 1) % 8)));
    link_rfds(4);
    irq_unmask(LINE);
    fixture_forget();
}

static int stop(void **state)
{
    (void)state;
    w32(PORT, 0);
    w8(INTERRUPTS, 1);
    if (driver.bus)
        iommu_unmap(card.dma, driver.bus, MEMORY);
    driver.bus = 0;
    irq_unmask(LINE);
    nic_82559.set_cable(card.nic, true);
    return 0;
}

static void put_cb(unsigned number, unsigned what)
{
    put16(CB(number), 0);
    put16(CB(number) + 2, what);
}

/* Until the CU is in that state. */
static void await_cu(unsigned cus)
{
    struct timespec moment = {.tv_nsec = 100000};

    while ((r8(STATUS) & CUS) != cus)
        nanosleep(&moment, NULL);
}

/* Carry out one block and come to rest. */
static void do_cb(unsigned number, unsigned what)
{
    put_cb(number, what | EL);
    command(CU_START, CB(number));
    await_cu(CUS_IDLE);
    w8(STAT_ACK, 0xff);
}

static const uint8_t usual[22] = {22,   8,    0, 0,    0,    0, 0x32, 3,    1,    0,    0x2e,
                                  0x00, 0x60, 0, 0xf2, 0x48, 0, 0x40, 0xf2, 0x80, 0x3f, 0x05};

/* Configure: the usual, with these bits of one byte changed. */
static void configure(unsigned byte, uint8_t set, uint8_t clear)
{
    memcpy(driver.memory + CB(7) + 8, usual, sizeof usual);
    driver.memory[CB(7) + 8 + byte] = (uint8_t)((usual[byte] & ~clear) | set);
    do_cb(7, CONFIGURE);
    assert_int_equal(get16(CB(7)), DONE);
}

static void set_address(void)
{
    memcpy(driver.memory + CB(6) + 8, mac, 6);
    do_cb(6, IA);
}

static void start_receiver(void)
{
    configure(0, 0, 0);
    set_address();
    command(RU_START, RFD(0));
}

/* ---- The bus, registers ---- */

static void the_card_is_found_and_sized(void **state)
{
    static const uint32_t sizes[2] = {0xfffff000, 0xffffffc1};

    (void)state;
    assert_int_equal(config(0, 4), 0x12298086);
    assert_int_equal(config(8, 4), 0x02000008);
    for (unsigned bar = 0; bar < 2; bar++) {
        uint32_t address = config(0x10 + 4 * bar, 4);

        pci_config_write(0, SLOT, 0, 0x10 + 4 * bar, 4, 0xffffffff);
        assert_int_equal(config(0x10 + 4 * bar, 4), sizes[bar]);
        pci_config_write(0, SLOT, 0, 0x10 + 4 * bar, 4, address);
    }
    assert_true(config(6, 2) & 0x10);
    assert_int_equal(config(0x34, 1), 0xdc);
    assert_int_equal(config(0xdc, 1), 1); /* power management */
}

static void both_bars_show_the_same_registers(void **state)
{
    (void)state;
    start();
    w32(POINTER, 0x12345678);
    assert_int_equal(machine_in32((uint16_t)(driver.io + POINTER)), 0x12345678);
    machine_out8((uint16_t)(driver.io + POINTER + 1), 0xab);
    assert_int_equal(r32(POINTER), 0x1234ab78);
    w32(PORT, 2); /* a selective reset keeps it */
    assert_int_equal(r32(POINTER), 0x1234ab78);
    w32(PORT, 0);
    assert_int_equal(r32(POINTER), 0);
}

static unsigned eeprom_clock(unsigned bit)
{
    const uint8_t selected = (uint8_t)(2 | bit << 2);

    w8(EEPROM, selected);
    w8(EEPROM, selected | 1);
    return r8(EEPROM) >> 3 & 1;
}

static void the_eeprom_has_the_address_and_a_sum(void **state)
{
    unsigned total = 0;

    (void)state;
    for (unsigned address = 0; address < 64; address++) {
        unsigned word = 0;

        w8(EEPROM, 2);
        for (int bit = 8; bit >= 0; bit--)
            eeprom_clock((6u << 6 | address) >> bit & 1);
        assert_int_equal(r8(EEPROM) >> 3 & 1, 0); /* the dummy bit, by which drivers find out its size */
        for (int bit = 0; bit < 16; bit++)
            word = word << 1 | eeprom_clock(0);
        w8(EEPROM, 0);
        total += word;
        if (address < 3)
            assert_int_equal(word, get_le(mac + 2 * address, 2));
    }
    assert_int_equal(total & 0xffff, 0xbaba);
}

static unsigned phy_read(unsigned phy, unsigned index)
{
    w32(MDI, 2u << 26 | phy << 21 | index << 16);
    assert_true(r32(MDI) & 1u << 28);
    return r32(MDI) & 0xffff;
}

static void phy_write(unsigned index, unsigned value)
{
    w32(MDI, 1u << 26 | 1u << 21 | index << 16 | value);
}

static void the_phy_answers_at_its_address_only(void **state)
{
    (void)state;
    assert_int_equal(phy_read(1, 2), 0x02a8);
    assert_int_equal(phy_read(1, 3) & 0xfff0, 0x0150);
    assert_int_equal(phy_read(0, 2), 0xffff);
}

static void the_link_follows_cable_and_phy(void **state)
{
    (void)state;
    (void)phy_read(1, 1);
    assert_int_equal(phy_read(1, 1) & 0x24, 0x24);
    nic_82559.set_cable(card.nic, false);
    assert_int_equal(phy_read(1, 1) & 4, 0);
    assert_int_equal(r8(0x1d) & 1, 0);
    nic_82559.set_cable(card.nic, true);
    assert_int_equal(phy_read(1, 1) & 4, 4);
    nic_82559.set_cable(card.nic, false);
    nic_82559.set_cable(card.nic, true);
    assert_int_equal(phy_read(1, 1) & 4, 0); /* it was lost since the last look */
    assert_int_equal(phy_read(1, 1) & 4, 4);
    assert_int_equal(r8(0x1d), 7); /* link, 100 Mbit/s, full duplex */
    phy_write(0, 0x0100);          /* forced: 10 Mbit/s, full duplex */
    assert_int_equal(r8(0x1d), 5);
    phy_write(0, 0x8000);
    assert_int_equal(phy_read(1, 0), 0x3100);
    assert_int_equal(r8(0x1d), 7);
}

static void the_self_test_tells_its_results(void **state)
{
    (void)state;
    start();
    put32(STATE + 4, UINT32_MAX);
    w32(POINTER, 1);
    w32(PORT, bus(STATE) | 1);
    assert_int_not_equal(get32(STATE), 0);
    assert_int_equal(get32(STATE + 4), 0);
    assert_int_equal(r32(POINTER), 0); /* then it resets itself */
}

/* ---- Interrupts ---- */

static void causes_are_masked_and_acknowledged(void **state)
{
    (void)state;
    start();
    w8(INTERRUPTS, 3); /* software interrupt, all masked */
    assert_int_equal(r8(STAT_ACK), SWI);
    assert_false(irq_line_state(LINE).high);
    w8(INTERRUPTS, 0);
    assert_true(irq_line_state(LINE).high);
    wait_interrupt();
    w8(STAT_ACK, CX); /* another one */
    assert_true(irq_line_state(LINE).high);
    w8(STAT_ACK, SWI);
    assert_false(irq_line_state(LINE).high);
    irq_unmask(LINE);
    do_cb(0, NOP); /* acknowledged within */
    wait_interrupt();
    irq_unmask(LINE);
    w8(INTERRUPTS, CNA);
    put_cb(0, NOP | EL | INT);
    command(CU_START, CB(0));
    wait_interrupt();
    assert_int_equal(r8(STAT_ACK), CX | CNA);
    w8(STAT_ACK, CX);
    assert_false(irq_line_state(LINE).high); /* CNA is masked */
}

/* ---- The command unit ---- */

static void blocks_are_carried_out_until_one_suspends_or_ends(void **state)
{
    (void)state;
    start();
    put_cb(0, NOP);
    put_cb(1, DIAGNOSE);
    put_cb(2, MICROCODE | SUSPEND);
    put_cb(3, NOP | EL);
    command(CU_START, CB(0));
    await_cu(CUS_SUSPENDED);
    assert_int_equal(get16(CB(0)), DONE);
    assert_int_equal(get16(CB(1)), DONE);
    assert_int_equal(get16(CB(2)), DONE);
    assert_int_equal(get16(CB(3)), 0);
    assert_int_equal(r8(STAT_ACK), CNA);
    w8(STAT_ACK, CNA);
    w8(COMMAND, CU_RESUME); /* for a block before: this one still suspends */
    assert_int_equal(r8(STATUS) & CUS, CUS_SUSPENDED);
    put16(CB(2) + 2, MICROCODE);
    w8(COMMAND, CU_RESUME);
    await_cu(CUS_IDLE);
    assert_int_equal(get16(CB(3)), DONE);
    assert_int_equal(r8(STAT_ACK), CNA);
    assert_string_equal(card.misuse, "");
}

static void suspending_interrupts_only_when_that_is_wanted(void **state)
{
    (void)state;
    start();
    configure(6, 0x08, 0);
    put_cb(0, NOP | SUSPEND);
    command(CU_START, CB(0));
    await_cu(CUS_SUSPENDED);
    assert_int_equal(r8(STAT_ACK), 0);
}

static void configuration_and_address_can_be_dumped(void **state)
{
    (void)state;
    start();
    configure(10, 0, 0);
    set_address();
    memset(driver.memory + STATE, 0xee, 600);
    put32(CB(0) + 8, bus(STATE));
    do_cb(0, DUMP_STATE);
    assert_memory_equal(driver.memory + STATE, usual, sizeof usual);
    assert_memory_equal(driver.memory + STATE + 22, mac, 6);
    assert_int_equal(driver.memory[STATE + 595], 0);
    assert_int_equal(driver.memory[STATE + 596], 0xee);
    memset(driver.memory + STATE, 0xee, 600);
    w32(PORT, bus(STATE) | 3);
    assert_memory_equal(driver.memory + STATE, usual, sizeof usual);
}

/* ---- Transmission ---- */

static void expect_sent(unsigned which, const uint8_t *frame, size_t length)
{
    assert_int_equal(card.sent_length[which], length);
    assert_memory_equal(card.sent[which], frame, length);
}

static void a_frame_may_lie_in_its_block(void **state)
{
    (void)state;
    start();
    configure(6, 0x10, 0);
    put32(CB(0) + 8, UINT32_MAX);
    put32(CB(0) + 12, 200 | 0x8000);
    make_frame(driver.memory + CB(0) + 16, peer, 200, 0x11);
    do_cb(0, TX);
    wait_sent(1);
    expect_sent(0, driver.memory + CB(0) + 16, 200);
    assert_int_equal(get16(CB(0)), DONE);
}

static void put_tbd(unsigned place, unsigned offset, unsigned octets, uint32_t more)
{
    put32(place, bus(BUFFER + offset));
    put32(place + 4, octets | more);
}

static void a_frame_is_gathered_from_a_list(void **state)
{
    (void)state;
    start();
    make_frame(driver.memory + BUFFER, peer, 300, 0x22);
    configure(6, 0x10, 0); /* standard block: some octets in it, the list elsewhere */
    memcpy(driver.memory + CB(0) + 16, driver.memory + BUFFER, 20);
    put32(CB(0) + 8, bus(TBDS));
    put32(CB(0) + 12, 20 | 2u << 24);
    put_tbd(TBDS, 20, 80, 0);
    put_tbd(TBDS + 8, 100, 200, 0);
    do_cb(0, TX | SF);
    wait_sent(1);
    expect_sent(0, driver.memory + BUFFER, 300);
    configure(6, 0, 0x10); /* extended block: two descriptors in it, the third one elsewhere */
    put32(CB(0) + 12, 3u << 24);
    put_tbd(CB(0) + 16, 0, 50, 0);
    put_tbd(CB(0) + 24, 50, 50, 0);
    put_tbd(TBDS, 100, 200, 0);
    do_cb(0, TX | SF);
    wait_sent(1);
    expect_sent(1, driver.memory + BUFFER, 300);
    configure(7, 0x80, 0); /* as many as there are until one says that it is the last */
    put32(CB(0) + 12, 0xffu << 24);
    put_tbd(TBDS, 0, 100, 0);
    put_tbd(TBDS + 8, 100, 200, 0x10000);
    do_cb(0, TX | SF);
    wait_sent(1);
    expect_sent(2, driver.memory + BUFFER, 300);
}

/* One frame from the buffer, by a block that is right as a standard and as an extended one. */
static void put_tcb(unsigned number, size_t length, unsigned flags)
{
    put32(CB(number) + 8, bus(CB(number) + 16));
    put32(CB(number) + 12, 1u << 24);
    put_tbd(CB(number) + 16, 0, (unsigned)length, 0);
    put_cb(number, TX | SF | flags);
}

static void the_card_pads_and_puts_its_address_in(void **state)
{
    static const uint8_t source[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

    (void)state;
    start();
    configure(10, 0, 8);
    set_address();
    make_frame(driver.memory + BUFFER, peer, 40, 0x33);
    put_tcb(0, 40, EL);
    command(CU_START, CB(0));
    wait_sent(1);
    assert_int_equal(card.sent_length[0], 60);
    assert_memory_equal(card.sent[0] + 6, source, 6);
    await_cu(CUS_IDLE);
    configure(18, 0, 2);
    put_tcb(0, 40, EL | NC); /* with the driver's check sequence, which the wire makes itself */
    command(CU_START, CB(0));
    wait_sent(1);
    expect_sent(1, driver.memory + BUFFER, 36);
    await_cu(CUS_IDLE);
}

static void the_interrupt_behind_a_frame_may_be_delayed(void **state)
{
    uint64_t before;

    (void)state;
    start();
    configure(0, 0, 0);
    make_frame(driver.memory + BUFFER, peer, 60, 0);
    put_tcb(0, 60, SUSPEND | CID(31));
    before = machine_now_ns();
    w8(INTERRUPTS, 0);
    command(CU_START, CB(0));
    wait_interrupt();
    assert_true(machine_now_ns() - before >= 31 * 8000);
    assert_int_equal(r8(STAT_ACK), CNA);
    wait_sent(1);
}

/* The first test that sends: the first frame is the one that meets an error. */
static void a_frame_that_the_fifo_runs_out_of_is_lost(void **state)
{
    (void)state;
    start();
    configure(0, 0, 0);
    command(COUNTERS_AT, COUNTERS);
    make_frame(driver.memory + BUFFER, peer, 60, 0);
    put_tcb(0, 60, 0);
    put_tcb(1, 60, EL);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_int_equal(get32(CB(0)) & 0xffff, 0xb000); /* complete, OK, underrun */
    assert_int_equal(get32(CB(1)) & 0xffff, 0xa000);
    wait_sent(1);
    assert_true(no_more(&card.sent_frames));
    w8(COMMAND, DUMP);
    assert_int_equal(get32(COUNTERS), 1);
    assert_int_equal(get32(COUNTERS + 12), 1); /* underruns */
}

static void without_a_link_frames_go_nowhere(void **state)
{
    (void)state;
    start();
    configure(0, 0, 0);
    command(COUNTERS_AT, COUNTERS);
    nic_82559.set_cable(card.nic, false);
    make_frame(driver.memory + BUFFER, peer, 60, 0);
    put_tcb(0, 60, EL);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_true(no_more(&card.sent_frames));
    w8(COMMAND, DUMP);
    assert_int_equal(get32(COUNTERS), 1);
    assert_int_equal(get32(COUNTERS + 16), 1); /* lost carrier sense */
}

static void loopback_receives_what_is_sent(void **state)
{
    uint64_t outstanding = account_outstanding();

    (void)state;
    start();
    start_receiver();
    configure(10, 0x40, 0);
    make_frame(driver.memory + BUFFER, mac, 100, 0x66);
    put_tcb(0, 100, EL);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_int_equal(get16(RFD(0)), C | OK);
    assert_memory_equal(driver.memory + RFD(0) + 16, driver.memory + BUFFER, 100);
    assert_true(no_more(&card.sent_frames));
    assert_int_equal(account_outstanding(), outstanding); /* it did not come from the wire */
    assert_int_equal(bring(mac, 60, 0), WIRE_FILTERED);
}

/* ---- Reception ---- */

/* The driver reads a frame and clears its descriptor. */
static void consume(unsigned number)
{
    put32(RFD(number), 0);
    put16(RFD(number) + 12, 0);
    account_frame_delivered();
}

static void a_frame_goes_behind_its_descriptor(void **state)
{
    (void)state;
    start();
    assert_int_equal(bring(mac, 100, 0), WIRE_FILTERED);
    start_receiver();
    assert_int_equal(r8(STATUS) & RUS, RUS_READY);
    assert_int_equal(bring(mac, 100, 0xa5), WIRE_ACCEPTED);
    assert_int_equal(get16(RFD(0)), C | OK);
    assert_int_equal(get16(RFD(0) + 12), 100 | 0xc000);
    assert_int_equal(driver.memory[RFD(0) + 16 + 99], 0xa5);
    assert_int_equal(driver.memory[RFD(0) + 16 + 100], 0);
    assert_int_equal(r8(STAT_ACK), FR);
    configure(18, 4, 0); /* with its check sequence */
    assert_int_equal(bring(mac, 100, 0xa5), WIRE_ACCEPTED);
    assert_int_equal(get16(RFD(1) + 12), 104 | 0xc000);
    assert_int_not_equal(get32(RFD(1) + 16 + 100), 0);
    consume(0);
    consume(1);
}

static void a_list_ends_or_suspends_the_receiver(void **state)
{
    (void)state;
    start();
    put16(RFD(0) + 2, SUSPEND);
    put16(RFD(1) + 2, EL);
    put16(RFD(3) + 2, EL);
    put16(RFD(3) + 14, 0);
    start_receiver();
    command(COUNTERS_AT, COUNTERS);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    assert_int_equal(r8(STATUS) & RUS, RUS_SUSPENDED);
    assert_int_equal(r8(STAT_ACK), FR | RNR);
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED);
    w8(COMMAND, RU_RESUME);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    assert_int_equal(get16(RFD(1)), C | OK);
    assert_int_equal(r8(STATUS) & RUS, RUS_NO_RESOURCES);
    w8(COMMAND, RU_RESUME); /* only a start helps */
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED);
    command(RU_START, RFD(2));
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    w8(STAT_ACK, 0xff);
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED); /* an end that takes no frame */
    assert_int_equal(get16(RFD(3)), 0);
    assert_int_equal(r8(STAT_ACK), RNR);
    assert_int_equal(r8(STATUS) & RUS, RUS_NO_RESOURCES);
    w8(COMMAND, DUMP_RESET);
    assert_int_equal(get32(COUNTERS + 4 * 9), 3);
    assert_int_equal(get32(COUNTERS + 4 * 12), 3); /* resource errors */
    for (unsigned i = 0; i < 3; i++)
        consume(i);
}

static void a_frame_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    start();
    put16(RFD(0) + 14, 64);
    start_receiver();
    assert_int_equal(bring(mac, 100, 0x44), WIRE_MISSED);
    assert_int_equal(get16(RFD(0)), C | NO_ROOM);
    assert_int_equal(get16(RFD(0) + 12), 64 | 0xc000);
    assert_int_equal(driver.memory[RFD(0) + 16 + 63], 0x44);
    assert_int_equal(driver.memory[RFD(0) + 16 + 64], 0);
    assert_int_equal(bring(mac, 100, 0x44), WIRE_ACCEPTED);
    consume(1);
    put16(RFD(2) + 14, 0); /* nothing fits, and it is no end of the list */
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED);
    assert_int_equal(get16(RFD(2)), C | NO_ROOM);
    assert_int_equal(get16(RFD(2) + 12), 0xc000);
    assert_int_equal(r8(STATUS) & RUS, RUS_READY);
}

/* Whether frames to an address come through. */
static bool passes(const uint8_t *to)
{
    bool passed;

    link_rfds(4);
    command(RU_ABORT, 0);
    command(RU_START, RFD(0));
    passed = bring(to, 60, 0) == WIRE_ACCEPTED;
    assert_int_equal(get16(RFD(0)) != 0, passed);
    if (passed) {
        assert_int_equal(get16(RFD(0)) & OTHER_ADDRESS, memcmp(to, mac, 6) == 0 ? 0 : OTHER_ADDRESS);
        consume(0);
    }
    return passed;
}

static void frames_are_filtered(void **state)
{
    static const uint8_t groups[2][6] = {{0x01, 0x00, 0x5e, 0, 0, 1}, {0x01, 0x00, 0x5e, 0x11, 0x22, 0x33}};

    (void)state;
    start();
    configure(0, 0, 0);
    set_address();
    assert_true(passes(mac) && passes(broadcast));
    assert_false(passes(peer) || passes(groups[0]) || passes(groups[1]));
    put16(CB(0) + 8, 6);
    memcpy(driver.memory + CB(0) + 10, groups[1], 6);
    do_cb(0, MULTICAST);
    assert_true(passes(groups[1]));
    assert_false(passes(groups[0]));
    put16(CB(0) + 8, 0);
    do_cb(0, MULTICAST);
    assert_false(passes(groups[1]));
    configure(21, 8, 0);
    assert_true(passes(groups[0]) && passes(groups[1]));
    assert_false(passes(peer));
    configure(15, 2, 0);
    assert_false(passes(broadcast));
    configure(15, 1, 0);
    assert_true(passes(peer));
}

static void short_and_long_frames_are_discarded_or_kept(void **state)
{
    (void)state;
    start();
    start_receiver();
    assert_int_equal(bring(mac, 40, 0), WIRE_FILTERED);
    configure(7, 0, 1);
    assert_int_equal(bring(mac, 40, 0), WIRE_ACCEPTED);
    assert_int_equal(get16(RFD(0)), C | SHORT);
    configure(18, 0, 8);
    assert_int_equal(bring(mac, 1518, 0), WIRE_FILTERED);
    configure(18, 8, 0);
    assert_int_equal(bring(mac, 1518, 0), WIRE_ACCEPTED);
    consume(0);
    consume(1);
}

static void counters_are_dumped_and_reset(void **state)
{
    (void)state;
    start();
    start_receiver();
    command(COUNTERS_AT, COUNTERS);
    bring(mac, 60, 0);
    bring(mac, 40, 0);
    configure(6, 0x20, 0); /* 16 counters */
    w8(COMMAND, DUMP);
    assert_int_equal(get32(COUNTERS + 4 * 9), 1);
    assert_int_equal(get32(COUNTERS + 4 * 15), 1); /* short */
    assert_int_equal(get32(COUNTERS + 64), 0xa005);
    configure(6, 0, 0x20); /* and three of flow control */
    w8(COMMAND, DUMP_RESET);
    assert_int_equal(get32(COUNTERS + 76), 0xa007);
    configure(6, 0x04, 0); /* and those of TCO */
    w8(COMMAND, DUMP);
    assert_int_equal(get32(COUNTERS + 80), 0xa005);
    assert_int_equal(get32(COUNTERS + 4 * 9), 0);
    consume(0);
}

/* ---- Resets ---- */

static void a_reset_drops_what_is_unread(void **state)
{
    struct account before = account_read();

    (void)state;
    start();
    start_receiver();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(bring(mac, 60, (uint8_t)i), WIRE_ACCEPTED);
    consume(1);
    w32(PORT, 2);
    assert_int_equal(account_read().dropped[ACCOUNT_DROP_NIC] - before.dropped[ACCOUNT_DROP_NIC], 3);
    assert_int_equal(account_outstanding(), 0);
    assert_int_equal(r8(STATUS), CUS_IDLE | RUS_IDLE);
    command(RU_START, RFD(0)); /* the address is still known */
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    w32(PORT, 0);
    assert_int_equal(account_outstanding(), 0);
}

static void a_frame_whose_memory_was_taken_away_was_read(void **state)
{
    struct account before = account_read();

    (void)state;
    start();
    start_receiver();
    bring(mac, 60, 0);
    iommu_unmap(card.dma, driver.bus, MEMORY);
    driver.bus = 0;
    account_frame_delivered();
    w32(PORT, 0);
    assert_int_equal(account_read().dropped[ACCOUNT_DROP_NIC], before.dropped[ACCOUNT_DROP_NIC]);
    assert_int_equal(dma_fault_count(card.dma), 0);
}

static int reset_meanwhile(void)
{
    w32(PORT, 0);
    return 0;
}

static void a_command_that_a_reset_interrupts_does_not_complete(void **state)
{
    (void)state;
    start();
    configure(0, 0, 0);
    make_frame(driver.memory + BUFFER, peer, 60, 0);
    put_tcb(0, 60, EL | INT);
    card.on_transmitted = reset_meanwhile;
    command(CU_START, CB(0));
    wait_sent(1);
    await_cu(CUS_IDLE);
    w8(INTERRUPTS, 1);
    assert_int_equal(get16(CB(0)), 0);
    assert_int_equal(r8(STAT_ACK), 0);
}

/* ---- What a driver must not do ---- */

static void commands_at_the_wrong_time_are_findings(void **state)
{
    (void)state;
    start();
    w8(COMMAND, CU_RESUME);
    assert_non_null(strstr(card.misuse, "resumes"));
    card.misuse[0] = '\0';
    start_receiver();
    assert_string_equal(card.misuse, "");
    command(RU_START, RFD(0));
    assert_non_null(strstr(card.misuse, "ready already"));
    card.misuse[0] = '\0';
    w8(COMMAND, RU_BASE);
    assert_non_null(strstr(card.misuse, "base address"));
    w32(PORT, 0);
}

static int start_meanwhile(void)
{
    command(CU_START, CB(1));
    return 0;
}

static void starting_an_active_command_unit_is_a_finding(void **state)
{
    (void)state;
    start();
    configure(0, 0, 0);
    make_frame(driver.memory + BUFFER, peer, 60, 0);
    put_tcb(0, 60, EL);
    put_cb(1, NOP | EL);
    card.on_transmitted = start_meanwhile;
    command(CU_START, CB(0));
    wait_sent(1);
    await_cu(CUS_IDLE);
    assert_non_null(strstr(card.misuse, "active already"));
}

static void frames_without_a_header_are_findings(void **state)
{
    (void)state;
    start();
    configure(0, 0, 0);
    put_tcb(0, 10, EL);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_non_null(strstr(card.misuse, "too short"));
    put_tcb(0, 2601, EL);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_non_null(strstr(card.misuse, "too long"));
    assert_true(no_more(&card.sent_frames));
}

static void dma_outside_a_mapping_stops_a_unit(void **state)
{
    unsigned long faults = dma_fault_count(card.dma);

    (void)state;
    start();
    start_receiver();
    put32(CB(0) + 4, 0x1000);
    put_cb(0, NOP);
    command(CU_START, CB(0));
    await_cu(CUS_IDLE);
    assert_int_equal(get16(CB(0)), DONE);
    assert_int_equal(dma_fault_count(card.dma), faults + 1);
    put32(RFD(0) + 4, 0x2000);
    assert_int_equal(bring(mac, 60, 0), WIRE_ACCEPTED);
    assert_int_equal(bring(mac, 60, 0), WIRE_MISSED);
    assert_int_equal(dma_fault_count(card.dma), faults + 2);
    assert_int_equal(r8(STATUS) & RUS, RUS_IDLE);
    assert_int_equal(r8(STAT_ACK) & RNR, RNR);
    consume(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_card_is_found_and_sized, stop),
        cmocka_unit_test_teardown(a_frame_that_the_fifo_runs_out_of_is_lost, stop),
        cmocka_unit_test_teardown(both_bars_show_the_same_registers, stop),
        cmocka_unit_test_teardown(the_eeprom_has_the_address_and_a_sum, stop),
        cmocka_unit_test_teardown(the_phy_answers_at_its_address_only, stop),
        cmocka_unit_test_teardown(the_link_follows_cable_and_phy, stop),
        cmocka_unit_test_teardown(the_self_test_tells_its_results, stop),
        cmocka_unit_test_teardown(causes_are_masked_and_acknowledged, stop),
        cmocka_unit_test_teardown(blocks_are_carried_out_until_one_suspends_or_ends, stop),
        cmocka_unit_test_teardown(suspending_interrupts_only_when_that_is_wanted, stop),
        cmocka_unit_test_teardown(configuration_and_address_can_be_dumped, stop),
        cmocka_unit_test_teardown(a_frame_may_lie_in_its_block, stop),
        cmocka_unit_test_teardown(a_frame_is_gathered_from_a_list, stop),
        cmocka_unit_test_teardown(the_card_pads_and_puts_its_address_in, stop),
        cmocka_unit_test_teardown(the_interrupt_behind_a_frame_may_be_delayed, stop),
        cmocka_unit_test_teardown(without_a_link_frames_go_nowhere, stop),
        cmocka_unit_test_teardown(loopback_receives_what_is_sent, stop),
        cmocka_unit_test_teardown(a_frame_goes_behind_its_descriptor, stop),
        cmocka_unit_test_teardown(a_list_ends_or_suspends_the_receiver, stop),
        cmocka_unit_test_teardown(a_frame_that_does_not_fit_is_an_error, stop),
        cmocka_unit_test_teardown(frames_are_filtered, stop),
        cmocka_unit_test_teardown(short_and_long_frames_are_discarded_or_kept, stop),
        cmocka_unit_test_teardown(counters_are_dumped_and_reset, stop),
        cmocka_unit_test_teardown(a_reset_drops_what_is_unread, stop),
        cmocka_unit_test_teardown(a_frame_whose_memory_was_taken_away_was_read, stop),
        cmocka_unit_test_teardown(a_command_that_a_reset_interrupts_does_not_complete, stop),
        cmocka_unit_test_teardown(commands_at_the_wrong_time_are_findings, stop),
        cmocka_unit_test_teardown(starting_an_active_command_unit_is_a_finding, stop),
        cmocka_unit_test_teardown(frames_without_a_header_are_findings, stop),
        cmocka_unit_test_teardown(dma_outside_a_mapping_stops_a_unit, stop),
    };

    return cmocka_run_group_tests(tests, make_machine, end_machine);
}
