/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Intel 82540EM gigabit Ethernet controller, register by register. After Intel's "PCI/PCI-X Family of
 * Gigabit Ethernet Controllers Software Developer's Manual" (8254x), Rev. 4.0; the PHY after IEEE 802.3
 * clauses 22, 28 and 40, and the manual's chapter on it. Register names are the manual's; a function that
 * carries out a section of it names the section.
 *
 * Where the manual is silent, this is what the model does.
 *
 * Descriptors are fetched one by one when their turn comes, and written back at once: the thresholds in
 * TXDCTL and RXDCTL, which say how many may be cached and for how long, are stored and have no effect.
 *
 * A DMA access that is refused loses the frame, and the rest goes on: a receive descriptor that could not be
 * read is read again for the next frame, and one whose buffer could not be written tells of a data error; a
 * transmit descriptor is passed over, and not written back.
 *
 * A reset, or another ring, loses the frames in memory that the driver has not read. Whether it has read one
 * shows in the descriptor: the status that the card wrote is still there, or the descriptor was given back.
 *
 * Auto-negotiation takes no time: the link is down and up again at the same moment, with one interrupt. The
 * peer can do everything, and follows a forced speed.
 *
 * Left out: damaged frames, collisions but for those of a fault, flow control frames, split headers and
 * extended descriptors (of later chips), the interrupts SRPD and TXD_LOW, the TBI and SerDes interfaces,
 * manageability, wake-up, flash, LEDs, and the time that a frame takes: a transmission is over as soon as the
 * thread "nic" gets to it.
 *
 * Threads: registers are accessed by the driver's threads, frames arrive in the wire's, transmissions are
 * made and timers expire in a thread of the model's own. All state is behind one mutex, and every DMA access
 * is made with it held: after a write that stops the transmitter or the receiver, none is under way.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "harness/nic/mii.h"
#include "harness/nic/nic.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>
#include <zlib.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/offload.h"
#include "harness/nic/eeprom93c46.h"
#include "harness/nic/octets.h"
#include "harness/wire/account.h"

/* Register Descriptions (13.4 to 13.7): offsets. */
enum {
    CTRL = 0x0000,
    CTRL_DUP = 0x0004, /* the same register once more */
    STATUS = 0x0008,
    EECD = 0x0010,
    EERD = 0x0014,
    CTRL_EXT = 0x0018,
    FLA = 0x001c,
    MDIC = 0x0020,
    FCAL = 0x0028,
    FCAH = 0x002c,
    FCT = 0x0030,
    VET = 0x0038,
    ICR = 0x00c0,
    ITR = 0x00c4,
    ICS = 0x00c8,
    IMS = 0x00d0,
    IMC = 0x00d8,
    RCTL = 0x0100,
    FCTTV = 0x0170,
    TXCW = 0x0178,
    TCTL = 0x0400,
    TIPG = 0x0410,
    AIFS = 0x0458,
    LEDCTL = 0x0e00,
    PBA = 0x1000,
    FCRTL = 0x2160,
    FCRTH = 0x2168,
    RDBAL = 0x2800,
    RDBAH = 0x2804,
    RDLEN = 0x2808,
    RDH = 0x2810,
    RDT = 0x2818,
    RDTR = 0x2820,
    RXDCTL = 0x2828,
    RADV = 0x282c,
    RSRPD = 0x2c00,
    TDBAL = 0x3800,
    TDBAH = 0x3804,
    TDLEN = 0x3808,
    TDH = 0x3810,
    TDT = 0x3818,
    TIDV = 0x3820,
    TXDCTL = 0x3828,
    TADV = 0x382c,
    TSPMT = 0x3830,
    STATISTICS = 0x4000, /* 64 registers: 13.7 */
    RXCSUM = 0x5000,
    MTA = 0x5200, /* 128 */
    RAL = 0x5400, /* 16 pairs with RAH */
    RAH = 0x5404,
    VFTA = 0x5600, /* 128 */
    WUC = 0x5800,
    WUFC = 0x5808,
    WUS = 0x5810,
    MANC = 0x5820,
    REGISTER_BYTES = 0x6000,
    WINDOW_BYTES = 0x20000,
};

/* Statistics registers. */
enum {
    MPC = 0x4010,
    ECOL = 0x4018,
    PRC64 = 0x405c, /* and five more, by length */
    GPRC = 0x4074,
    BPRC = 0x4078,
    MPRC = 0x407c,
    GPTC = 0x4080,
    GORCL = 0x4088,
    GOTCL = 0x4090,
    RNBC = 0x40a0,
    RUC = 0x40a4,
    ROC = 0x40ac,
    TORL = 0x40c0,
    TOTL = 0x40c8,
    TPR = 0x40d0,
    TPT = 0x40d4,
    PTC64 = 0x40d8, /* and five more */
    MPTC = 0x40f0,
    BPTC = 0x40f4,
    TSCTC = 0x40f8,
    TSCTFC = 0x40fc,
};

/* I/O-mapped access (13.2.2): offsets in the I/O window. */
enum { IOADDR = 0, IODATA = 4, IO_BYTES = 64 };

/* Device Control Register. */
#define CTRL_FD (1u << 0)
#define CTRL_SLU (1u << 6)
#define CTRL_SPEED_SHIFT 8
#define CTRL_FRCSPD (1u << 11)
#define CTRL_FRCDPLX (1u << 12)
#define CTRL_RST (1u << 26)
#define CTRL_VME (1u << 30)
#define CTRL_PHY_RST (1u << 31)

/* Device Status Register. */
#define STATUS_FD (1u << 0)
#define STATUS_LU (1u << 1)
#define STATUS_SPEED_SHIFT 6

/* EEPROM/Flash Control & Data Register. */
#define EECD_SK (1u << 0)
#define EECD_CS (1u << 1)
#define EECD_DI (1u << 2)
#define EECD_DO (1u << 3)
#define EECD_FWE 0x30u
#define EECD_REQ (1u << 6)
#define EECD_GNT (1u << 7)
#define EECD_PRES (1u << 8)

/* EEPROM Read Register. */
#define EERD_START (1u << 0)
#define EERD_DONE (1u << 4)
#define EERD_ADDR_SHIFT 8
#define EERD_DATA_SHIFT 16

#define CTRL_EXT_EE_RST (1u << 13)

/* MDI Control Register. */
#define MDIC_REG_SHIFT 16
#define MDIC_PHY_SHIFT 21
#define MDIC_OP_WRITE (1u << 26)
#define MDIC_OP_READ (1u << 27)
#define MDIC_R (1u << 28)
#define MDIC_I (1u << 29)
#define MDIC_E (1u << 30)

/* Interrupt causes. */
#define INT_TXDW (1u << 0)
#define INT_TXQE (1u << 1)
#define INT_LSC (1u << 2)
#define INT_RXDMT0 (1u << 4)
#define INT_RXO (1u << 6)
#define INT_RXT0 (1u << 7)
#define INT_MDAC (1u << 9)
#define INT_ALL 0x0001ffffu

/* Receive Control Register. */
#define RCTL_EN (1u << 1)
#define RCTL_UPE (1u << 3)
#define RCTL_MPE (1u << 4)
#define RCTL_LPE (1u << 5)
#define RCTL_LBM 0x000000c0u
#define RCTL_RDMTS_SHIFT 8
#define RCTL_MO_SHIFT 12
#define RCTL_BAM (1u << 15)
#define RCTL_BSIZE_SHIFT 16
#define RCTL_VFE (1u << 18)
#define RCTL_BSEX (1u << 25)
#define RCTL_SECRC (1u << 26)
#define RCTL_WRITABLE 0x06dfb3feu

/* Transmit Control Register. */
#define TCTL_EN (1u << 1)
#define TCTL_PSP (1u << 3)
#define TCTL_WRITABLE 0x037ffffau

#define RDTR_FPD (1u << 31)
#define RAH_AV (1u << 31)
#define RAH_AS_SHIFT 16
#define RXCSUM_PCSS 0x000000ffu
#define RXCSUM_IPOFL (1u << 8)
#define RXCSUM_TUOFL (1u << 9)

/* Legacy receive descriptor (3.2.3): where its fields lie, and their bits. */
enum { RX_LENGTH = 8, RX_CHECKSUM = 10, RX_STATUS = 12, RX_ERRORS = 13, RX_SPECIAL = 14 };
enum {
    RX_STATUS_DD = 1 << 0,
    RX_STATUS_EOP = 1 << 1,
    RX_STATUS_IXSM = 1 << 2,
    RX_STATUS_VP = 1 << 3,
    RX_STATUS_TCPCS = 1 << 5,
    RX_STATUS_IPCS = 1 << 6,
    RX_STATUS_PIF = 1 << 7,
};
enum { RX_ERROR_TCPE = 1 << 5, RX_ERROR_IPE = 1 << 6, RX_ERROR_RXE = 1 << 7, RX_ERROR_ALL = 0xf7 };

/* Transmit descriptors (3.3.3, 3.3.6, 3.3.7). Commands, in the upper octet of the third double word: */
#define TX_CMD_EOP (1u << 24)
#define TX_CMD_IFCS (1u << 25)
#define TX_CMD_IC (1u << 26)  /* legacy */
#define TX_CMD_TSE (1u << 26) /* data and context */
#define TX_CMD_RS (1u << 27)
#define TX_CMD_DEXT (1u << 29)
#define TX_CMD_VLE (1u << 30)
#define TX_CMD_IDE (1u << 31)
#define TX_TUCMD_TCP (1u << 24)
#define TX_TUCMD_IP (1u << 25)
#define TX_DTYP_MASK 0x00f00000u
#define TX_DTYP_DATA 0x00100000u
#define TX_LENGTH_LEGACY 0x0000ffffu
#define TX_LENGTH 0x000fffffu
#define TX_STATUS 12 /* octet with the status in its lower half */
#define TX_STATUS_DD 0x01u
#define TX_STATUS_EC 0x02u
#define TX_POPTS_IXSM (1u << 8) /* in the fourth double word, as the next */
#define TX_POPTS_TXSM (1u << 9)

/* The PHY's registers that are its maker's own. */
enum {
    PHY_PSCON = 16,
    PHY_PSSTAT = 17,
    PHY_EPSCON = 20,
    PHY_RXERR = 21,
};
#define PHY_ADDRESS 1u
#define BMCR_DEFAULT (BMCR_ANENABLE | BMCR_SPEED1000 | BMCR_FULLDPLX)
#define BMSR_ABILITIES (MII_ABILITIES | BMSR_ESTATEN | BMSR_PREAMBLE_LESS)
#define ADVERTISE_DEFAULT (MII_OFFER | ADVERTISE_PAUSE_CAP | ADVERTISE_PAUSE_ASYM)
#define CTRL1000_DEFAULT (ADVERTISE_1000FULL | ADVERTISE_1000HALF)
#define STAT1000_LINK /* master; both receivers are fine; the peer can do 1000BASE-T */                      \
    (LPA_1000MSRES | LPA_1000LOCALRXOK | LPA_1000REMRXOK | LPA_1000FULL | LPA_1000HALF)
#define PHY_PSCON_DEFAULT 0x0068u
#define PHY_EPSCON_DEFAULT 0x0060u
#define PHY_PSSTAT_SPEED_SHIFT 14
#define PHY_PSSTAT_DUPLEX 0x2000u
#define PHY_PSSTAT_LINK 0x1c00u /* page received, resolved, link */

enum speed { PHY_10, PHY_100, PHY_1000 }; /* as PSSTAT tells it */

#define DESCRIPTOR_BYTES 16u
#define FCS_BYTES 4u
#define TAG_BYTES 4u
#define TAG_OFFSET 12u          /* of an 802.1Q tag in a frame */
#define FRAME_MAX 1522u         /* with FCS, unless LPE */
#define LONG_FRAME_MAX 16384u   /* with LPE */
#define TX_BYTES_MIN 17u        /* of a packet, 3.3.1 */
#define TX_BYTES_MAX 0x10400u   /* of one packet's buffers: 64 KB to be segmented, and its headers */
#define FIFO_BYTES (48u * 1024) /* of the 64 KB packet buffer, as PBA divides it after power-on */
#define FIFO_ENTRIES 1024u      /* a frame takes 64 octets at least, of which FIFO_BYTES has 768 */
#define RING_ENTRIES 65536u     /* what RDLEN can say, rounded up */
#define ADDRESSES 16u
#define RAR_WRITABLE 0x8003ffffu

#define DELAY_UNIT_NS 1024u /* of RDTR, RADV, TIDV and TADV */
#define ITR_UNIT_NS 256u

/* What a timer's end does. */
enum timer { RX_PACKET_TIMER, RX_ABSOLUTE_TIMER, TX_PACKET_TIMER, TX_ABSOLUTE_TIMER, THROTTLE_TIMER, TIMERS };

/* Receive FIFO: what waits for descriptors. */
struct fifo_entry {
    uint16_t length; /* octets without FCS */
    bool passed;     /* by an inexact filter */
    bool counted;    /* it came from the wire, and is in the account */
    bool corrupted;  /* by a fault: it has every error */
};
struct rx_fifo {
    uint8_t data[FIFO_BYTES]; /* a ring */
    size_t start, used;
    struct fifo_entry entries[FIFO_ENTRIES]; /* a ring */
    unsigned first, count;
};

/* A packet on its way out of memory. */
struct tx_packet {
    size_t length;
    bool broken;      /* an access was refused, or it is too long: it is not sent */
    bool collided;    /* too often, on the wire: it is not sent */
    bool extended;    /* its first descriptor was a data descriptor */
    uint32_t command; /* of its first descriptor, then of its last one too */
    uint32_t options; /* fourth double word of its first descriptor */
    uint16_t special; /* of its last descriptor: the tag */
    uint8_t legacy_start, legacy_offset;
    uint8_t data[TX_BYTES_MAX];
};

struct nic {
    struct nic_card card;
    struct pci_function *function;
    struct dma_device *dma;
    struct fault fault;
    uint64_t waits_until; /* the idle thread, on the machine's clock; MACHINE_NEVER: until it is woken */

    uint32_t
        reg[REGISTER_BYTES / 4]; /* those without behaviour of their own, and what is written to others */
    uint32_t io_address;
    struct eeprom93c46 eeprom;

    struct mii_phy phy;
    bool link_up; /* what STATUS last said */

    uint32_t icr;
    uint32_t ims;
    bool line;            /* what the interrupt pin is driven to */
    uint64_t quiet_until; /* ITR: no interrupt before */
    uint64_t due[TIMERS]; /* MACHINE_NEVER: not running */
    uint64_t earliest;    /* of due */

    struct rx_fifo fifo;
    /* Which descriptors hold the ends of frames that came from the wire and that the driver has not given
     * back, oldest first. */
    uint16_t unread[RING_ENTRIES];
    unsigned unread_first, unread_count;
    uint8_t rx_data[LONG_FRAME_MAX + FCS_BYTES];
    uint8_t rx_waited[LONG_FRAME_MAX]; /* a frame on its way from the FIFO */

    unsigned tx_generation; /* counts resets, so that a transmission from before does not complete */
    struct offload_context tx_context;
    struct tx_packet tx;
};

static uint32_t *reg(struct nic *nic, unsigned offset)
{
    return &nic->reg[offset / 4];
}

static uint32_t value(const struct nic *nic, unsigned offset)
{
    return nic->reg[offset / 4];
}

/* ---- Statistics (13.7) ---- */

/* They stick at their largest value. */
static void count(struct nic *nic, unsigned offset)
{
    if (*reg(nic, offset) != UINT32_MAX)
        ++*reg(nic, offset);
}

/* Of 64 bits, in two registers. */
static void count_octets(struct nic *nic, unsigned offset, size_t octets)
{
    uint64_t sum = (uint64_t)value(nic, offset + 4) << 32 | value(nic, offset);

    sum = sum > UINT64_MAX - octets ? UINT64_MAX : sum + octets;
    *reg(nic, offset) = (uint32_t)sum;
    *reg(nic, offset + 4) = (uint32_t)(sum >> 32);
}

/* One of six registers by the frame's length: 64, up to 127, 255, 511, 1023, and more. */
static void count_length(struct nic *nic, unsigned offset, size_t octets)
{
    unsigned bin = 0;

    while (bin < 5 && octets >= (bin == 0 ? 65u : 64u << bin))
        bin++;
    count(nic, offset + 4 * bin);
}

static void count_sent(struct nic *nic, const uint8_t *frame, size_t length)
{
    count(nic, TPT);
    count(nic, GPTC);
    count_octets(nic, TOTL, length + FCS_BYTES);
    count_octets(nic, GOTCL, length + FCS_BYTES);
    count_length(nic, PTC64, length + FCS_BYTES);
    if (is_broadcast(frame))
        count(nic, BPTC);
    else if (frame[0] & 1)
        count(nic, MPTC);
}

static void count_accepted(struct nic *nic, const uint8_t *frame, size_t length)
{
    count(nic, GPRC);
    count_octets(nic, GORCL, length + FCS_BYTES);
    count_length(nic, PRC64, length + FCS_BYTES);
    if (is_broadcast(frame))
        count(nic, BPRC);
    else if (frame[0] & 1)
        count(nic, MPRC);
}

/* ---- Interrupts and timers (3.2.7, 3.4) ---- */

static void find_earliest(struct nic *nic)
{
    nic->earliest = MACHINE_NEVER;
    for (unsigned i = 0; i < TIMERS; i++)
        if (nic->due[i] < nic->earliest)
            nic->earliest = nic->due[i];
}

static void start_timer(struct nic *nic, enum timer timer, uint64_t due)
{
    nic->due[timer] = due;
    find_earliest(nic);
    if (nic->earliest < nic->waits_until)
        nic_card_wake(&nic->card);
}

static void stop_timer(struct nic *nic, enum timer timer)
{
    if (nic->due[timer] == MACHINE_NEVER)
        return;
    nic->due[timer] = MACHINE_NEVER;
    find_earliest(nic);
}

/*
 * The pin is level-triggered: after a change of ICR or IMS. ITR (13.4.18): from one interrupt to the next at
 * least so much time passes.
 */
static void update_line(struct nic *nic)
{
    bool wanted = nic->icr & nic->ims;

    if (wanted == nic->line)
        return;
    if (wanted && value(nic, ITR)) {
        uint64_t now = machine_now_ns();

        if (now < nic->quiet_until) {
            if (nic->due[THROTTLE_TIMER] == MACHINE_NEVER)
                start_timer(nic, THROTTLE_TIMER, nic->quiet_until);
            return;
        }
        nic->quiet_until = now + (uint64_t)value(nic, ITR) * ITR_UNIT_NS;
    }
    nic->line = fault_drive_pin(&nic->fault, wanted);
}

static void raise(struct nic *nic, uint32_t causes)
{
    nic->icr |= causes;
    update_line(nic);
}

/* RDTR and RADV, TIDV and TADV: the first starts anew with each packet, the second with the first one.
 * Without the first there is no delay. */
static void raise_delayed(struct nic *nic, uint32_t cause, enum timer packet, enum timer absolute,
                          uint32_t packet_delay, uint32_t absolute_delay)
{
    uint64_t now;

    if (!packet_delay) {
        raise(nic, cause);
        return;
    }
    now = machine_now_ns();
    if (absolute_delay && nic->due[absolute] == MACHINE_NEVER)
        start_timer(nic, absolute, now + (uint64_t)absolute_delay * DELAY_UNIT_NS);
    start_timer(nic, packet, now + (uint64_t)packet_delay * DELAY_UNIT_NS);
}

static void end_delay(struct nic *nic, uint32_t cause, enum timer packet, enum timer absolute)
{
    stop_timer(nic, packet);
    stop_timer(nic, absolute);
    raise(nic, cause);
}

static void fire_timers(struct nic *nic)
{
    uint64_t now = machine_now_ns();

    if (nic->due[RX_PACKET_TIMER] <= now || nic->due[RX_ABSOLUTE_TIMER] <= now)
        end_delay(nic, INT_RXT0, RX_PACKET_TIMER, RX_ABSOLUTE_TIMER);
    if (nic->due[TX_PACKET_TIMER] <= now || nic->due[TX_ABSOLUTE_TIMER] <= now)
        end_delay(nic, INT_TXDW, TX_PACKET_TIMER, TX_ABSOLUTE_TIMER);
    if (nic->due[THROTTLE_TIMER] <= now) {
        stop_timer(nic, THROTTLE_TIMER);
        update_line(nic);
    }
}

/* ---- The link (8, and 802.3) ---- */

static bool phy_link(const struct nic *nic)
{
    return nic->card.cable && !(nic->phy.reg[MII_BMCR] & BMCR_PDOWN) && !(value(nic, CTRL) & CTRL_PHY_RST);
}

static enum speed phy_speed(const struct nic *nic)
{
    uint16_t control = nic->phy.reg[MII_BMCR];

    if (!(control & BMCR_ANENABLE))
        return control & BMCR_SPEED1000 ? PHY_1000 : control & BMCR_SPEED100 ? PHY_100 : PHY_10;
    if (nic->phy.reg[MII_CTRL1000] & CTRL1000_DEFAULT)
        return PHY_1000;
    return nic->phy.reg[MII_ADVERTISE] & (ADVERTISE_100FULL | ADVERTISE_100HALF) ? PHY_100 : PHY_10;
}

/* The best that both ends offer, 802.3 annex 28B.3. */
static bool phy_full_duplex(const struct nic *nic)
{
    if (!(nic->phy.reg[MII_BMCR] & BMCR_ANENABLE))
        return nic->phy.reg[MII_BMCR] & BMCR_FULLDPLX;
    switch (phy_speed(nic)) {
    case PHY_1000:
        return nic->phy.reg[MII_CTRL1000] & ADVERTISE_1000FULL;
    case PHY_100:
        return nic->phy.reg[MII_ADVERTISE] & ADVERTISE_100FULL;
    default:
        return nic->phy.reg[MII_ADVERTISE] & ADVERTISE_10FULL;
    }
}

static bool loops_back(const struct nic *nic)
{
    return value(nic, RCTL) & RCTL_LBM || nic->phy.reg[MII_BMCR] & BMCR_LOOPBACK;
}

static void start_transmitter(struct nic *nic);

/* After a change of what the link depends on. */
static void update_link(struct nic *nic)
{
    bool up = phy_link(nic) && value(nic, CTRL) & CTRL_SLU;

    if (!phy_link(nic))
        nic->phy.link_was_lost = true;
    if (up == nic->link_up)
        return;
    nic->link_up = up;
    raise(nic, INT_LSC);
    start_transmitter(nic);
}

/* The PHY negotiates anew: the link goes down and comes back. */
static void renegotiate(struct nic *nic)
{
    nic->phy.link_was_lost = true;
    if (nic->link_up && phy_link(nic))
        raise(nic, INT_LSC);
    update_link(nic);
}

static void reset_phy(struct nic *nic)
{
    memset(nic->phy.reg, 0, sizeof nic->phy.reg);
    nic->phy.reg[MII_BMCR] = BMCR_DEFAULT;
    nic->phy.reg[MII_BMSR] = BMSR_ABILITIES;
    nic->phy.reg[MII_PHYSID1] = 0x0141; /* Marvell's M88E1011 */
    nic->phy.reg[MII_PHYSID2] = 0x0c24;
    nic->phy.reg[MII_ADVERTISE] = ADVERTISE_DEFAULT;
    nic->phy.reg[MII_CTRL1000] = CTRL1000_DEFAULT;
    nic->phy.reg[MII_ESTATUS] = ESTATUS_1000_TFULL | ESTATUS_1000_THALF;
    nic->phy.reg[PHY_PSCON] = PHY_PSCON_DEFAULT;
    nic->phy.reg[PHY_EPSCON] = PHY_EPSCON_DEFAULT;
}

static uint16_t read_phy(struct nic *nic, unsigned index)
{
    bool link = phy_link(nic);

    switch (index) {
    case MII_STAT1000:
        return link ? STAT1000_LINK : 0;
    case PHY_PSSTAT:
        return link ? (uint16_t)(PHY_PSSTAT_LINK | phy_speed(nic) << PHY_PSSTAT_SPEED_SHIFT |
                                 (phy_full_duplex(nic) ? PHY_PSSTAT_DUPLEX : 0))
                    : 0;
    default:
        return mii_read(&nic->phy, index, link);
    }
}

static void write_phy(struct nic *nic, unsigned index, uint16_t word)
{
    switch (index) {
    case MII_BMCR:
        /* A software reset keeps what was configured, and lets it take effect. */
        nic->phy.reg[MII_BMCR] = (uint16_t)(word & ~(BMCR_RESET | BMCR_ANRESTART));
        if (word & (BMCR_RESET | BMCR_ANRESTART))
            renegotiate(nic);
        else
            update_link(nic);
        start_transmitter(nic);
        break;
    case MII_BMSR:
    case MII_PHYSID1:
    case MII_PHYSID2:
    case MII_LPA:
    case MII_EXPANSION:
    case MII_STAT1000:
    case MII_ESTATUS:
    case PHY_PSSTAT:
    case PHY_RXERR:
        break; /* read only */
    default:
        nic->phy.reg[index] = word;
    }
}

/* ---- Rings ---- */

/*
 * The driver gives descriptors over, or changes the ring. Some of what it may do wrongly would have the card
 * work on memory that is no ring. That is a finding, and no more: here the card goes on as a real one does.
 */
static void misuse(const void *object, const char *text)
{
    lockcheck_finding_about(object, "device-misuse", text);
}

static uint64_t ring_base(const struct nic *nic, unsigned low)
{
    return (uint64_t)value(nic, low + 4) << 32 | value(nic, low);
}

/* Descriptors; length: RDLEN or TDLEN. */
static unsigned ring_size(const struct nic *nic, unsigned length)
{
    return value(nic, length) / DESCRIPTOR_BYTES;
}

static uint64_t descriptor_address(const struct nic *nic, unsigned low, unsigned index)
{
    return ring_base(nic, low) + (uint64_t)index * DESCRIPTOR_BYTES;
}

/* ---- The receiver (3.2) ---- */

/* Descriptors between RDH and RDT are the card's. */
static unsigned rx_available(const struct nic *nic)
{
    unsigned size = ring_size(nic, RDLEN), head = value(nic, RDH), tail = value(nic, RDT);

    if (head >= size || tail >= size)
        return 0;
    return tail >= head ? tail - head : tail + size - head;
}

/* RCTL.BSIZE and RCTL.BSEX. */
static uint32_t rx_buffer_bytes(const struct nic *nic)
{
    uint32_t rctl = value(nic, RCTL), bytes = 2048u >> (rctl >> RCTL_BSIZE_SHIFT & 3);

    return rctl & RCTL_BSEX ? 16 * bytes : bytes;
}

/* What the driver has not read is lost. */
static void forget_ring(struct nic *nic)
{
    for (; nic->unread_count > 0; nic->unread_count--) {
        unsigned index = nic->unread[nic->unread_first];
        uint8_t status = 0;

        nic->unread_first = (nic->unread_first + 1) % RING_ENTRIES;
        if (dma_peek(nic->dma, descriptor_address(nic, RDBAL, index) + RX_STATUS, &status, 1) &&
            status & RX_STATUS_DD)
            account_frame_dropped(ACCOUNT_DROP_NIC);
    }
    nic->unread_first = 0;
}

static void empty_fifo(struct nic *nic)
{
    struct rx_fifo *fifo = &nic->fifo;

    for (; fifo->count > 0; fifo->count--) {
        if (fifo->entries[fifo->first].counted)
            account_frame_dropped(ACCOUNT_DROP_NIC);
        fifo->first = (fifo->first + 1) % FIFO_ENTRIES;
    }
    fifo->first = 0;
    fifo->start = fifo->used = 0;
}

/* The driver has moved RDT: descriptors from the old one up to the new one have been read. */
static void forget_given_back(struct nic *nic, unsigned from, unsigned to)
{
    unsigned size = ring_size(nic, RDLEN);

    if (!size || from >= size || to >= size)
        return;
    while (nic->unread_count > 0) {
        unsigned index = nic->unread[nic->unread_first];

        if ((index + size - from) % size >= (to + size - from) % size)
            break;
        nic->unread_first = (nic->unread_first + 1) % RING_ENTRIES;
        nic->unread_count--;
    }
}

/* Receive Packet Checksum Offloading (3.2.9): the status and error bits, and the packet checksum. */
static void check_sums(const struct nic *nic, const uint8_t *frame, size_t length, uint8_t *status,
                       uint8_t *errors, uint16_t *checksum)
{
    uint32_t rxcsum = value(nic, RXCSUM);
    struct offload_verdict verdict;

    *checksum = offload_packet_checksum(frame, length, rxcsum & RXCSUM_PCSS);
    if (!(rxcsum & (RXCSUM_IPOFL | RXCSUM_TUOFL))) {
        *status |= RX_STATUS_IXSM;
        return;
    }
    verdict = offload_verify(frame, length);
    if (rxcsum & RXCSUM_IPOFL && verdict.ip_checked) {
        *status |= RX_STATUS_IPCS;
        *errors |= verdict.ip_right ? 0 : RX_ERROR_IPE;
    }
    if (rxcsum & RXCSUM_TUOFL && verdict.tcp_checked) {
        *status |= RX_STATUS_TCPCS;
        *errors |= verdict.tcp_right ? 0 : RX_ERROR_TCPE;
    }
}

/* Write one buffer of a frame and its descriptor, which tells when the buffer could not be written. Returns
 * whether both were; *fetched, whether the descriptor could be read at all. */
static bool write_descriptor(struct nic *nic, unsigned index, const uint8_t *data, uint32_t octets,
                             uint8_t fields[8], bool *fetched)
{
    uint64_t address = descriptor_address(nic, RDBAL, index);
    uint8_t buffer[8];

    *fetched = dma_read(nic->dma, address, buffer, sizeof buffer, reg(nic, RDT));
    if (!*fetched)
        return false;
    bool written = dma_write(nic->dma, (uint64_t)get_le(buffer + 4, 4) << 32 | get_le(buffer, 4), data,
                             octets, reg(nic, RDT));
    if (!written)
        fields[RX_ERRORS - RX_LENGTH] |= RX_ERROR_RXE;
    return dma_write(nic->dma, address + RX_LENGTH, fields, 8, reg(nic, RDT)) && written;
}

/*
 * Packet Reception (3.2): frame and FCS go to as many buffers as it takes; the last descriptor has EOP, the
 * checksum and the errors. The tag is taken out of the frame when VME says so. The driver is told of what was
 * given back, be it a whole frame or not. Returns whether it is in memory.
 */
static bool store_frame(struct nic *nic, struct fifo_entry entry, const uint8_t *frame)
{
    uint8_t *data = nic->rx_data, fields[8] = {0}, status = RX_STATUS_DD;
    uint8_t errors = entry.corrupted ? RX_ERROR_ALL : 0;
    uint32_t size = rx_buffer_bytes(nic), total = entry.length, sent = 0;
    unsigned entries = ring_size(nic, RDLEN), before = rx_available(nic), index;
    uint16_t checksum;
    bool whole = true, fetched;

    memcpy(data, frame, entry.length);
    if (!(value(nic, RCTL) & RCTL_SECRC)) {
        put_le(data + total, FCS_BYTES, (uint32_t)crc32(0, frame, entry.length));
        total += FCS_BYTES;
    }
    check_sums(nic, frame, entry.length, &status, &errors, &checksum);
    if (entry.passed)
        status |= RX_STATUS_PIF;
    if (value(nic, CTRL) & CTRL_VME && entry.length >= TAG_OFFSET + TAG_BYTES &&
        get_be16(frame + TAG_OFFSET) == value(nic, VET)) {
        status |= RX_STATUS_VP;
        put_le(fields + RX_SPECIAL - RX_LENGTH, 2, get_be16(frame + TAG_OFFSET + 2));
        memmove(data + TAG_OFFSET, data + TAG_OFFSET + TAG_BYTES, total - TAG_OFFSET - TAG_BYTES);
        total -= TAG_BYTES;
    }
    do {
        uint32_t octets = total - sent < size ? total - sent : size;

        if (sent + octets == total)
            status |= RX_STATUS_EOP;
        index = value(nic, RDH);
        put_le(fields, 2, octets);
        put_le(fields + RX_CHECKSUM - RX_LENGTH, 2, checksum);
        fields[RX_STATUS - RX_LENGTH] = status;
        fields[RX_ERRORS - RX_LENGTH] = whole ? errors : errors | RX_ERROR_RXE;
        whole = write_descriptor(nic, index, data + sent, octets, fields, &fetched) && whole;
        sent += octets;
        if (fetched)
            *reg(nic, RDH) = (index + 1) % entries;
    } while (fetched && sent < total);
    if (whole && entry.counted) {
        assert(nic->unread_count < RING_ENTRIES);
        nic->unread[(nic->unread_first + nic->unread_count++) % RING_ENTRIES] = (uint16_t)index;
    }

    /* RDMTS: half, a quarter or an eighth of the ring is left. */
    unsigned threshold = entries >> (1 + (value(nic, RCTL) >> RCTL_RDMTS_SHIFT & 3));
    if (before > threshold && rx_available(nic) <= threshold)
        raise(nic, INT_RXDMT0); /* RDTR does not delay it */
    if (rx_available(nic) != before)
        raise_delayed(nic, INT_RXT0, RX_PACKET_TIMER, RX_ABSOLUTE_TIMER, value(nic, RDTR), value(nic, RADV));
    return whole;
}

static bool has_room(const struct nic *nic, size_t length)
{
    size_t bytes = length + FCS_BYTES, size = rx_buffer_bytes(nic);

    return rx_available(nic) >= (bytes + size - 1) / size;
}

static bool push_fifo(struct rx_fifo *fifo, struct fifo_entry entry, const uint8_t *frame)
{
    size_t end = (fifo->start + fifo->used) % FIFO_BYTES, first = FIFO_BYTES - end;

    if (fifo->used + entry.length > FIFO_BYTES || fifo->count == FIFO_ENTRIES)
        return false;
    if (first > entry.length)
        first = entry.length;
    memcpy(fifo->data + end, frame, first);
    memcpy(fifo->data, frame + first, entry.length - first);
    fifo->used += entry.length;
    fifo->entries[(fifo->first + fifo->count++) % FIFO_ENTRIES] = entry;
    return true;
}

static struct fifo_entry pop_fifo(struct rx_fifo *fifo, uint8_t *frame)
{
    struct fifo_entry entry = fifo->entries[fifo->first];
    size_t first = FIFO_BYTES - fifo->start;

    if (first > entry.length)
        first = entry.length;
    memcpy(frame, fifo->data + fifo->start, first);
    memcpy(frame + first, fifo->data, entry.length - first);
    fifo->start = (fifo->start + entry.length) % FIFO_BYTES;
    fifo->used -= entry.length;
    fifo->first = (fifo->first + 1) % FIFO_ENTRIES;
    fifo->count--;
    return entry;
}

/* The driver has given descriptors: what waits in the FIFO goes to memory. */
static void drain_fifo(struct nic *nic)
{
    struct rx_fifo *fifo = &nic->fifo;

    while (fifo->count && value(nic, RCTL) & RCTL_EN && has_room(nic, fifo->entries[fifo->first].length)) {
        struct fifo_entry entry = pop_fifo(fifo, nic->rx_waited);

        if (!store_frame(nic, entry, nic->rx_waited) && entry.counted)
            account_frame_dropped(ACCOUNT_DROP_NIC);
    }
}

/* Receive Address registers: one of them has this address. Source addresses (AS = 1) are not looked at. */
static bool matches_exactly(const struct nic *nic, const uint8_t *address)
{
    uint32_t low = get_le(address, 4), high = get_le(address + 4, 2);

    for (unsigned i = 0; i < ADDRESSES; i++) {
        uint32_t rah = value(nic, RAH + 8 * i);

        if (rah & RAH_AV && !(rah >> RAH_AS_SHIFT & 3) && (rah & 0xffff) == high &&
            value(nic, RAL + 8 * i) == low)
            return true;
    }
    return false;
}

/* Multicast Table Array (13.5.1): twelve bits of the address, which ones RCTL.MO says, choose one of 4096. */
static bool hash_matches(const struct nic *nic, const uint8_t *address)
{
    static const unsigned shifts[] = {4, 3, 2, 0};
    unsigned hash = get_le(address + 4, 2) >> shifts[value(nic, RCTL) >> RCTL_MO_SHIFT & 3] & 0xfff;

    return value(nic, MTA + 4 * (hash >> 5)) >> (hash & 31) & 1;
}

static bool vlan_passes(const struct nic *nic, const uint8_t *frame, size_t length)
{
    unsigned vlan;

    if (!(value(nic, RCTL) & RCTL_VFE) || length < TAG_OFFSET + TAG_BYTES ||
        get_be16(frame + TAG_OFFSET) != value(nic, VET))
        return true;
    vlan = get_be16(frame + TAG_OFFSET + 2) & 0xfff;
    return value(nic, VFTA + 4 * (vlan >> 5)) >> (vlan & 31) & 1;
}

/* Packet Address Filtering (3.2.1). *inexact: it passed by the hash only. */
static bool passes_filter(const struct nic *nic, const uint8_t *frame, size_t length, bool *inexact)
{
    uint32_t rctl = value(nic, RCTL);

    *inexact = false;
    if (!vlan_passes(nic, frame, length))
        return false;
    if (is_broadcast(frame) && rctl & RCTL_BAM)
        return true;
    if (matches_exactly(nic, frame))
        return true;
    if (!(frame[0] & 1))
        return rctl & RCTL_UPE;
    if (rctl & RCTL_MPE)
        return true;
    *inexact = hash_matches(nic, frame);
    return *inexact;
}

/* A frame that passed the filter: to memory, or to the FIFO behind others that wait, or it is missed. */
static enum wire_outcome take_frame(struct nic *nic, struct fifo_entry entry, const uint8_t *frame)
{
    if (nic->fifo.count == 0 && has_room(nic, entry.length)) {
        if (entry.counted)
            account_frame_accepted(); /* before the driver can see it */
        if (!store_frame(nic, entry, frame) && entry.counted)
            account_frame_dropped(ACCOUNT_DROP_NIC);
        return WIRE_ACCEPTED;
    }
    count(nic, RNBC);
    if (push_fifo(&nic->fifo, entry, frame)) {
        if (entry.counted)
            account_frame_accepted();
        return WIRE_ACCEPTED;
    }
    count(nic, MPC);
    raise(nic, INT_RXO);
    return WIRE_MISSED;
}

/* counted: it comes from the wire. Called with the lock held. */
static enum wire_outcome receive_locked(struct nic *nic, const uint8_t *frame, size_t length, bool counted)
{
    struct fifo_entry entry = {.length = (uint16_t)length, .counted = counted};
    size_t longest = value(nic, RCTL) & RCTL_LPE ? LONG_FRAME_MAX : FRAME_MAX;
    enum wire_outcome outcome;

    if (!(value(nic, RCTL) & RCTL_EN))
        return WIRE_FILTERED;
    count(nic, TPR);
    count_octets(nic, TORL, length + FCS_BYTES);
    if (!passes_filter(nic, frame, length, &entry.passed))
        return WIRE_FILTERED;
    if (length < REPLAY_FRAME_MIN || length + FCS_BYTES > longest) {
        count(nic, length < REPLAY_FRAME_MIN ? RUC : ROC);
        return WIRE_FILTERED;
    }
    if (counted && fault_receiving(&nic->fault)) {
        entry.corrupted = true;
        entry.counted = false;
    }
    outcome = take_frame(nic, entry, frame);
    if (entry.corrupted)
        return WIRE_MISSED;
    if (outcome == WIRE_ACCEPTED)
        count_accepted(nic, frame, length);
    return outcome;
}

static enum wire_outcome receive(void *opaque, const uint8_t *frame, size_t length)
{
    struct nic *nic = opaque;
    enum wire_outcome outcome = WIRE_FILTERED;

    assert(length >= 2 * NIC_MAC_LENGTH && length + FCS_BYTES <= UINT16_MAX);
    pthread_mutex_lock(&nic->card.lock);
    if (nic->link_up && !loops_back(nic) && !nic->fault.removed)
        outcome = receive_locked(nic, frame, length, true);
    pthread_mutex_unlock(&nic->card.lock);
    return outcome;
}

/* ---- The transmitter (3.3 to 3.5) ---- */

static bool transmit_ready(const struct nic *nic)
{
    unsigned size = ring_size(nic, TDLEN), head = value(nic, TDH), tail = value(nic, TDT);

    return value(nic, TCTL) & TCTL_EN && !nic->fault.stuck && (nic->link_up || loops_back(nic)) &&
           head != tail && head < size && tail < size;
}

static void start_transmitter(struct nic *nic)
{
    if (transmit_ready(nic))
        nic_card_wake(&nic->card);
}

/* TCP/IP Context Transmit Descriptor (3.3.6). */
static void set_context(struct nic *nic, const uint8_t descriptor[DESCRIPTOR_BYTES])
{
    uint32_t command = get_le(descriptor + 8, 4);

    nic->tx_context = (struct offload_context){
        .ipcss = descriptor[0],
        .ipcso = descriptor[1],
        .ipcse = (uint16_t)get_le(descriptor + 2, 2),
        .tucss = descriptor[4],
        .tucso = descriptor[5],
        .tucse = (uint16_t)get_le(descriptor + 6, 2),
        .payload = command & TX_LENGTH,
        .tcp = command & TX_TUCMD_TCP,
        .ipv4 = command & TX_TUCMD_IP,
        .header = descriptor[13],
        .mss = (uint16_t)get_le(descriptor + 14, 2),
    };
}

/* Move one buffer into the packet. Legacy and data descriptors (3.3.3, 3.3.7). */
static void fetch_buffer(struct nic *nic, const uint8_t descriptor[DESCRIPTOR_BYTES])
{
    struct tx_packet *packet = &nic->tx;
    uint64_t address = (uint64_t)get_le(descriptor + 4, 4) << 32 | get_le(descriptor, 4);
    uint32_t command = get_le(descriptor + 8, 4);
    bool extended = command & TX_CMD_DEXT;
    uint32_t length = command & (extended ? TX_LENGTH : TX_LENGTH_LEGACY);

    if (packet->length == 0) {
        packet->extended = extended;
        packet->command = command;
        packet->options = get_le(descriptor + 12, 4);
        packet->legacy_offset = descriptor[10];
        packet->legacy_start = descriptor[13];
    }
    packet->special = (uint16_t)get_le(descriptor + 14, 2);
    packet->command |= command & (TX_CMD_VLE | TX_CMD_IFCS);
    if (length == 0)
        return;
    if (length > sizeof packet->data - packet->length ||
        !dma_read(nic->dma, address, packet->data + packet->length, length, reg(nic, TDT)))
        packet->broken = true;
    else
        packet->length += length;
}

/* The packet leaves: to the wire, or comes back. Called with the lock held, which is dropped meanwhile. */
static void send_frame(struct nic *nic, uint8_t *frame, size_t length)
{
    size_t shortest = value(nic, TCTL) & TCTL_PSP ? REPLAY_FRAME_MIN : 0;
    struct wire *wire = nic->card.cable ? nic->card.wire : NULL;

    if (length < shortest) {
        memset(frame + length, 0, shortest - length);
        length = shortest;
    }
    if (fault_leaving(&nic->fault)) {
        nic->tx.collided = true;
        count(nic, ECOL);
        return;
    }
    count_sent(nic, frame, length);
    if (loops_back(nic)) {
        receive_locked(nic, frame, length, false);
    } else if (wire) {
        pthread_mutex_unlock(&nic->card.lock);
        wire_transmit(wire, frame, length);
        pthread_mutex_lock(&nic->card.lock);
    }
}

/* VLAN tagging (9.1): the tag comes from the descriptor. Returns the new length. */
static size_t insert_tag(const struct nic *nic, uint8_t *frame, size_t length, uint16_t tag)
{
    uint32_t type = value(nic, VET);

    memmove(frame + TAG_OFFSET + TAG_BYTES, frame + TAG_OFFSET, length - TAG_OFFSET);
    frame[TAG_OFFSET] = (uint8_t)(type >> 8);
    frame[TAG_OFFSET + 1] = (uint8_t)type;
    frame[TAG_OFFSET + 2] = (uint8_t)(tag >> 8);
    frame[TAG_OFFSET + 3] = (uint8_t)tag;
    return length + TAG_BYTES;
}

static void send_tagged(struct nic *nic, uint8_t *frame, size_t length)
{
    const struct tx_packet *packet = &nic->tx;

    if (packet->command & TX_CMD_VLE && value(nic, CTRL) & CTRL_VME && length >= TAG_OFFSET)
        length = insert_tag(nic, frame, length, packet->special);
    send_frame(nic, frame, length);
}

/* TCP Segmentation (3.5): the packet goes out as several, each with the headers adapted. */
static void send_segments(struct nic *nic)
{
    struct tx_packet *packet = &nic->tx;
    unsigned generation = nic->tx_generation;
    struct offload_context context = nic->tx_context;
    bool ip_sum = packet->options & TX_POPTS_IXSM, tcp_sum = packet->options & TX_POPTS_TXSM;
    uint8_t frame[LONG_FRAME_MAX + TAG_BYTES];
    size_t segments = offload_segments(&context, packet->length);

    if (!segments || (size_t)context.header + context.mss > LONG_FRAME_MAX) {
        count(nic, TSCTFC);
        return;
    }
    count(nic, TSCTC);
    for (size_t i = 0; i < segments && generation == nic->tx_generation; i++) {
        size_t length = offload_segment(&context, packet->data, packet->length, i, frame, ip_sum, tcp_sum);

        send_tagged(nic, frame, length);
    }
}

static void send_packet(struct nic *nic)
{
    struct tx_packet *packet = &nic->tx;
    size_t room = sizeof packet->data - REPLAY_FRAME_MIN;

    if (packet->broken || packet->length > room)
        return;
    if (packet->length < TX_BYTES_MIN) {
        misuse(reg(nic, TDT), "the driver has handed over a packet that is too short for 82540em");
        return;
    }
    if (packet->extended && packet->command & TX_CMD_TSE) {
        send_segments(nic);
        return;
    }
    if (packet->length > LONG_FRAME_MAX)
        return;
    if (packet->extended && packet->options & TX_POPTS_IXSM)
        offload_insert(packet->data, packet->length, nic->tx_context.ipcss, nic->tx_context.ipcse,
                       nic->tx_context.ipcso);
    if (packet->extended && packet->options & TX_POPTS_TXSM)
        offload_insert(packet->data, packet->length, nic->tx_context.tucss, nic->tx_context.tucse,
                       nic->tx_context.tucso);
    if (!packet->extended && packet->command & TX_CMD_IC)
        offload_insert(packet->data, packet->length, packet->legacy_start, 0, packet->legacy_offset);
    /* Without IFCS the driver has made the check sequence, which the wire makes itself. */
    if (!(packet->command & TX_CMD_IFCS) && packet->length > FCS_BYTES)
        packet->length -= FCS_BYTES;
    send_tagged(nic, packet->data, packet->length);
}

/* Report Status: the descriptor is written back (3.3.3.2), and the driver is told, at once or after a while.
 */
static void report(struct nic *nic, uint64_t address, uint32_t command)
{
    const uint8_t done = TX_STATUS_DD | (nic->tx.collided ? TX_STATUS_EC : 0);

    nic->tx.collided = false;
    if (!(command & TX_CMD_RS))
        return;
    dma_write(nic->dma, address + TX_STATUS, &done, sizeof done, reg(nic, TDT));
    if (command & TX_CMD_IDE)
        raise_delayed(nic, INT_TXDW, TX_PACKET_TIMER, TX_ABSOLUTE_TIMER, value(nic, TIDV), value(nic, TADV));
    else
        end_delay(nic, INT_TXDW, TX_PACKET_TIMER, TX_ABSOLUTE_TIMER);
}

/* Descriptors without data exist, and tell something: a command, an address. */
static bool is_empty(const uint8_t descriptor[DESCRIPTOR_BYTES])
{
    static const uint8_t nothing[DESCRIPTOR_BYTES];

    return memcmp(descriptor, nothing, sizeof nothing) == 0;
}

/* One descriptor. Called with the lock held. */
static void transmit_one(struct nic *nic)
{
    unsigned generation = nic->tx_generation, index = value(nic, TDH);
    uint64_t address = descriptor_address(nic, TDBAL, index);
    uint8_t descriptor[DESCRIPTOR_BYTES] = {0};
    uint32_t command;

    if (nic->tx.length == 0 && fault_sending(&nic->fault))
        return;
    bool fetched = dma_read(nic->dma, address, descriptor, sizeof descriptor, reg(nic, TDT));

    command = get_le(descriptor + 8, 4);
    if (fetched && is_empty(descriptor))
        misuse(reg(nic, TDT), "the driver has handed over a descriptor in which 82540em finds nothing");
    if (!fetched) {
        nic->tx.length = 0;
    } else if (command & TX_CMD_DEXT && (command & TX_DTYP_MASK) != TX_DTYP_DATA) {
        set_context(nic, descriptor);
    } else {
        fetch_buffer(nic, descriptor);
        if (command & TX_CMD_EOP) {
            send_packet(nic);
            nic->tx.length = 0;
            nic->tx.broken = false;
        }
    }
    if (generation != nic->tx_generation)
        return; /* reset meanwhile: nobody waits for it */
    *reg(nic, TDH) = (index + 1) % ring_size(nic, TDLEN);
    if (fetched)
        report(nic, address, command);
    if (value(nic, TDH) == value(nic, TDT))
        raise(nic, INT_TXQE);
}

static void wait_for_work(struct nic *nic)
{
    nic->waits_until = nic->earliest;
    nic_card_wait(&nic->card, nic->earliest);
}

static void *work(void *opaque)
{
    struct nic *nic = opaque;

    pthread_setname_np(pthread_self(), "nic");
    pthread_mutex_lock(&nic->card.lock);
    while (nic->card.powered) {
        if (nic->earliest != MACHINE_NEVER && nic->earliest <= machine_now_ns())
            fire_timers(nic);
        else if (transmit_ready(nic))
            transmit_one(nic);
        else
            wait_for_work(nic);
    }
    pthread_mutex_unlock(&nic->card.lock);
    return NULL;
}

/* ---- Registers with behaviour of their own ---- */

static void reset_registers(struct nic *nic);

/* Contents of the EEPROM that the card takes for itself (5.6): the station's address. */
static void load_eeprom(struct nic *nic)
{
    *reg(nic, RAL) = nic->eeprom.words[0] | (uint32_t)nic->eeprom.words[1] << 16;
    *reg(nic, RAH) = nic->eeprom.words[2] | RAH_AV;
}

/* CTRL.RST (13.4.1): all but the PCI configuration, the PHY and the filter tables is as after power-on. It is
 * over at once, so RST always reads 0. */
static void soft_reset(struct nic *nic)
{
    fault_reset(&nic->fault);
    forget_ring(nic);
    empty_fifo(nic);
    nic->icr = 0;
    nic->ims = 0;
    for (unsigned i = 0; i < TIMERS; i++)
        nic->due[i] = MACHINE_NEVER;
    nic->earliest = MACHINE_NEVER;
    nic->quiet_until = 0;
    nic->tx_generation++;
    nic->tx.length = 0;
    nic->tx.broken = false;
    memset(&nic->tx_context, 0, sizeof nic->tx_context);
    reset_registers(nic);
    load_eeprom(nic);
    nic->link_up = false; /* SLU is off */
    lockcheck_event(LOCKCHECK_HAND_OVER, reg(nic, TDT), 0);
    lockcheck_event(LOCKCHECK_HAND_OVER, reg(nic, RDT), 0);
    update_line(nic);
}

/* A handler is called with the lock held. offset: the register's, of several equal ones. */
typedef uint32_t read_handler(struct nic *nic, unsigned offset);
typedef void write_handler(struct nic *nic, unsigned offset, uint32_t word);

static uint32_t read_zero(struct nic *nic, unsigned offset)
{
    (void)nic;
    (void)offset;
    return 0;
}

static void write_nothing(struct nic *nic, unsigned offset, uint32_t word)
{
    (void)nic;
    (void)offset;
    (void)word;
}

static uint32_t read_ctrl(struct nic *nic, unsigned offset)
{
    (void)offset;
    return value(nic, CTRL);
}

static void write_ctrl(struct nic *nic, unsigned offset, uint32_t word)
{
    bool phy_was_in_reset = value(nic, CTRL) & CTRL_PHY_RST;

    (void)offset;
    if (word & CTRL_RST) {
        soft_reset(nic);
        return;
    }
    *reg(nic, CTRL) = word;
    if (word & CTRL_PHY_RST && !phy_was_in_reset)
        reset_phy(nic);
    update_link(nic);
}

static uint32_t read_status(struct nic *nic, unsigned offset)
{
    uint32_t ctrl = value(nic, CTRL);
    uint32_t speed = ctrl & CTRL_FRCSPD ? ctrl >> CTRL_SPEED_SHIFT & 3 : (uint32_t)phy_speed(nic);
    bool full = ctrl & CTRL_FRCDPLX ? (ctrl & CTRL_FD) != 0 : phy_full_duplex(nic);

    (void)offset;
    return (nic->link_up ? STATUS_LU | speed << STATUS_SPEED_SHIFT : 0) | (full ? STATUS_FD : 0);
}

static uint32_t read_eecd(struct nic *nic, unsigned offset)
{
    uint32_t eecd = value(nic, offset) | EECD_PRES;

    if (eecd & EECD_REQ)
        eecd |= EECD_GNT;
    return eecd | (eeprom93c46_output(&nic->eeprom) ? EECD_DO : 0);
}

/* The pins are the driver's while it has the grant (5.3.1). */
static void write_eecd(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & (EECD_SK | EECD_CS | EECD_DI | EECD_FWE | EECD_REQ);
    if (word & EECD_REQ)
        eeprom93c46_drive(&nic->eeprom, word & EECD_CS, word & EECD_SK, word & EECD_DI);
    else
        eeprom93c46_drive(&nic->eeprom, false, false, false);
}

/* EEPROM Read Register: done at once. */
static void write_eerd(struct nic *nic, unsigned offset, uint32_t word)
{
    unsigned address = word >> EERD_ADDR_SHIFT & 0xff;
    uint32_t data = nic->eeprom.words[address % EEPROM93C46_WORDS];

    if (word & EERD_START)
        *reg(nic, offset) = data << EERD_DATA_SHIFT | address << EERD_ADDR_SHIFT | EERD_DONE;
}

static void write_ctrl_ext(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & ~CTRL_EXT_EE_RST;
    if (word & CTRL_EXT_EE_RST)
        load_eeprom(nic);
}

/* MDI Control Register: done at once. There is one PHY. */
static void write_mdic(struct nic *nic, unsigned offset, uint32_t word)
{
    unsigned index = word >> MDIC_REG_SHIFT & 31, phy = word >> MDIC_PHY_SHIFT & 31;

    word = (word & ~MDIC_E) | MDIC_R;
    if (phy != PHY_ADDRESS)
        word |= MDIC_E;
    else if (word & MDIC_OP_READ)
        word = (word & 0xffff0000) | read_phy(nic, index);
    else if (word & MDIC_OP_WRITE)
        write_phy(nic, index, (uint16_t)word);
    *reg(nic, offset) = word;
    if (word & MDIC_I)
        raise(nic, INT_MDAC);
}

/* Reading clears. */
static uint32_t read_icr(struct nic *nic, unsigned offset)
{
    uint32_t icr = nic->icr;

    (void)offset;
    nic->icr = 0;
    update_line(nic);
    return icr;
}

static void write_icr(struct nic *nic, unsigned offset, uint32_t word)
{
    (void)offset;
    nic->icr &= ~word;
    update_line(nic);
}

static void write_ics(struct nic *nic, unsigned offset, uint32_t word)
{
    (void)offset;
    raise(nic, word & INT_ALL);
}

static uint32_t read_ims(struct nic *nic, unsigned offset)
{
    (void)offset;
    return nic->ims;
}

static void write_ims(struct nic *nic, unsigned offset, uint32_t word)
{
    (void)offset;
    nic->ims |= word & INT_ALL;
    update_line(nic);
}

static void write_imc(struct nic *nic, unsigned offset, uint32_t word)
{
    (void)offset;
    nic->ims &= ~word;
    update_line(nic);
}

/* A shorter interval also ends a longer one that is under way. */
static void write_itr(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & 0xffff;
    if (!(word & 0xffff)) {
        nic->quiet_until = 0;
        stop_timer(nic, THROTTLE_TIMER);
        update_line(nic);
    }
}

static void write_rctl(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & RCTL_WRITABLE;
    start_transmitter(nic); /* loopback may have begun */
    drain_fifo(nic);
}

static void write_tctl(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & TCTL_WRITABLE;
    start_transmitter(nic);
}

/* tail: RDT or TDT; length: RDLEN or TDLEN; on: whether that half of the card runs. */
static void check_tail(struct nic *nic, unsigned tail, unsigned length, uint32_t word, bool on)
{
    if (on && word >= ring_size(nic, length))
        misuse(reg(nic, tail), "the driver gives 82540em a tail behind the end of the ring");
}

static void write_rdt(struct nic *nic, unsigned offset, uint32_t word)
{
    unsigned before = value(nic, offset);

    check_tail(nic, RDT, RDLEN, word & 0xffff, value(nic, RCTL) & RCTL_EN && value(nic, RDLEN));
    lockcheck_event(LOCKCHECK_HAND_OVER, reg(nic, offset), 0);
    *reg(nic, offset) = word & 0xffff;
    forget_given_back(nic, before, word & 0xffff);
    drain_fifo(nic);
}

/* Whether a tail that is moved from one place to another leaves out descriptors that were not sent. */
static bool takes_back(const struct nic *nic, uint32_t to)
{
    unsigned size = ring_size(nic, TDLEN), head = value(nic, TDH), tail = value(nic, TDT);

    return head < size && tail < size && to < size && (tail + size - head) % size > (to + size - head) % size;
}

static const char taken_back[] = "the driver takes descriptors back that 82540em has not sent";

static void write_tdt(struct nic *nic, unsigned offset, uint32_t word)
{
    if (takes_back(nic, word & 0xffff))
        misuse(reg(nic, TDT), taken_back);
    else if (word && !ring_size(nic, TDLEN))
        misuse(reg(nic, TDT), "the driver hands over descriptors while 82540em has no transmit ring");
    check_tail(nic, TDT, TDLEN, word & 0xffff, value(nic, TCTL) & TCTL_EN && value(nic, TDLEN));
    lockcheck_event(LOCKCHECK_HAND_OVER, reg(nic, offset), 0);
    *reg(nic, offset) = word & 0xffff;
    start_transmitter(nic);
}

/* RDBAL, RDBAH, RDLEN, RDH: another ring, or a new beginning in this one. */
static void write_rx_ring(struct nic *nic, unsigned offset, uint32_t word)
{
    uint32_t mask = offset == RDBAL   ? 0xfffffff0u
                    : offset == RDBAH ? UINT32_MAX
                    : offset == RDLEN ? 0xfff80u
                                      : 0xffffu;

    if (value(nic, RCTL) & RCTL_EN && rx_available(nic) && (word & mask) != value(nic, offset))
        misuse(reg(nic, RDT), "the driver changes the receive ring while 82540em's receiver is on");
    forget_ring(nic);
    *reg(nic, offset) = word & mask;
}

static void write_tx_ring(struct nic *nic, unsigned offset, uint32_t word)
{
    uint32_t mask = offset == TDBAL   ? 0xfffffff0u
                    : offset == TDBAH ? UINT32_MAX
                    : offset == TDLEN ? 0xfff80u
                                      : 0xffffu;

    if (value(nic, TDH) != value(nic, TDT) && (word & mask) != value(nic, offset))
        misuse(reg(nic, TDT), taken_back);
    *reg(nic, offset) = word & mask;
}

/* FPD: what waits is told now. */
static void write_rdtr(struct nic *nic, unsigned offset, uint32_t word)
{
    *reg(nic, offset) = word & 0xffff;
    if (word & RDTR_FPD &&
        (nic->due[RX_PACKET_TIMER] != MACHINE_NEVER || nic->due[RX_ABSOLUTE_TIMER] != MACHINE_NEVER))
        end_delay(nic, INT_RXT0, RX_PACKET_TIMER, RX_ABSOLUTE_TIMER);
}

/* Reading clears. Those of 64 bits are cleared by reading the upper half. */
static uint32_t read_statistic(struct nic *nic, unsigned offset)
{
    uint32_t word = value(nic, offset);

    switch (offset) {
    case GORCL:
    case GOTCL:
    case TORL:
    case TOTL:
        return word;
    case GORCL + 4:
    case GOTCL + 4:
    case TORL + 4:
    case TOTL + 4:
        *reg(nic, offset - 4) = 0;
        break;
    default:
        break;
    }
    *reg(nic, offset) = 0;
    return word;
}

/* ---- The register table ---- */

struct register_row {
    uint16_t offset;
    uint16_t count;     /* of equal ones, one behind the other */
    uint32_t reset;     /* value after a reset */
    uint32_t writable;  /* bits, where write is NULL */
    bool kept;          /* by a reset */
    read_handler *read; /* or NULL: what is stored */
    write_handler *write;
};

static const struct register_row registers[] = {
    {CTRL, 2, 0, 0, false, read_ctrl, write_ctrl},
    {STATUS, 1, 0, 0, false, read_status, write_nothing},
    {EECD, 1, 0, 0, false, read_eecd, write_eecd},
    {EERD, 1, 0, 0, false, NULL, write_eerd},
    {CTRL_EXT, 1, 0, 0, false, NULL, write_ctrl_ext},
    {FLA, 1, 0, 0, false, NULL, write_nothing},
    {MDIC, 1, MDIC_R, 0, false, NULL, write_mdic},
    {FCAL, 1, 0, UINT32_MAX, false, NULL, NULL},
    {FCAH, 1, 0, 0xffff, false, NULL, NULL},
    {FCT, 1, 0, 0xffff, false, NULL, NULL},
    {VET, 1, 0x8100, 0xffff, false, NULL, NULL},
    {ICR, 1, 0, 0, false, read_icr, write_icr},
    {ITR, 1, 0, 0, false, NULL, write_itr},
    {ICS, 1, 0, 0, false, read_zero, write_ics},
    {IMS, 1, 0, 0, false, read_ims, write_ims},
    {IMC, 1, 0, 0, false, read_zero, write_imc},
    {RCTL, 1, 0, 0, false, NULL, write_rctl},
    {FCTTV, 1, 0, 0xffff, false, NULL, NULL},
    {TXCW, 1, 0, 0xc000ffff, false, NULL, NULL},
    {TCTL, 1, 0, 0, false, NULL, write_tctl},
    {TIPG, 1, 0, 0x3fffffff, false, NULL, NULL},
    {AIFS, 1, 0, 0xffff, false, NULL, NULL},
    {LEDCTL, 1, 0x07068302, 0xcfcfcfcf, false, NULL, NULL},
    {PBA, 1, 0x00100030, 0x7f, false, NULL, NULL},
    {FCRTL, 1, 0, 0x8000fff8, false, NULL, NULL},
    {FCRTH, 1, 0, 0x8000fff8, false, NULL, NULL},
    {RDBAL, 3, 0, 0, false, NULL, write_rx_ring}, /* and RDBAH, RDLEN */
    {RDH, 1, 0, 0, false, NULL, write_rx_ring},
    {RDT, 1, 0, 0, false, NULL, write_rdt},
    {RDTR, 1, 0, 0, false, NULL, write_rdtr},
    {RXDCTL, 1, 0x00010000, 0x013f3f3f, false, NULL, NULL},
    {RADV, 1, 0, 0xffff, false, NULL, NULL},
    {RSRPD, 1, 0, 0xfff, false, NULL, NULL},
    {TDBAL, 3, 0, 0, false, NULL, write_tx_ring}, /* and TDBAH, TDLEN */
    {TDH, 1, 0, 0, false, NULL, write_tx_ring},
    {TDT, 1, 0, 0, false, NULL, write_tdt},
    {TIDV, 1, 0, 0xffff, false, NULL, NULL},
    {TXDCTL, 1, 0, 0xff3f3f3f, false, NULL, NULL},
    {TADV, 1, 0, 0xffff, false, NULL, NULL},
    {TSPMT, 1, 0x01000400, UINT32_MAX, false, NULL, NULL},
    {STATISTICS, 64, 0, 0, false, read_statistic, write_nothing},
    {RXCSUM, 1, 0, 0x7ff, false, NULL, NULL},
    {MTA, 128, 0, UINT32_MAX, true, NULL, NULL},
    {RAL, 2 * ADDRESSES, 0, UINT32_MAX, true, NULL, NULL}, /* write_registers knows RAH's unused bits */
    {VFTA, 128, 0, UINT32_MAX, true, NULL, NULL},
    {WUC, 1, 0, 0x8000000f, false, NULL, NULL},
    {WUFC, 1, 0, 0x000f80ff, false, NULL, NULL},
    {WUS, 1, 0, 0, false, read_zero, write_nothing},
    {MANC, 1, 0, 0x0009ff00, false, NULL, NULL},
};

#define REGISTER_ROWS (sizeof registers / sizeof registers[0])
#define NO_ROW UINT8_MAX

/* The row of each double word, or NO_ROW: reserved, reads 0. Written once, before any card can be accessed.
 */
static uint8_t row_of[REGISTER_BYTES / 4];
static pthread_once_t row_of_once = PTHREAD_ONCE_INIT;

static void index_rows(void)
{
    memset(row_of, NO_ROW, sizeof row_of);
    for (unsigned row = 0; row < REGISTER_ROWS; row++)
        for (unsigned i = 0; i < registers[row].count; i++) {
            assert(row_of[registers[row].offset / 4 + i] == NO_ROW);
            row_of[registers[row].offset / 4 + i] = (uint8_t)row;
        }
}

static void reset_registers(struct nic *nic)
{
    for (unsigned row = 0; row < REGISTER_ROWS; row++)
        for (unsigned i = 0; i < registers[row].count && !registers[row].kept; i++)
            *reg(nic, registers[row].offset + 4 * i) = registers[row].reset;
}

static const struct register_row *find_row(uint32_t offset)
{
    if (offset >= REGISTER_BYTES || row_of[offset / 4] == NO_ROW)
        return NULL;
    return &registers[row_of[offset / 4]];
}

static uint32_t read_register(struct nic *nic, uint32_t offset)
{
    const struct register_row *row = find_row(offset);

    if (!row)
        return 0;
    return row->read ? row->read(nic, offset) : value(nic, offset);
}

static void write_register(struct nic *nic, uint32_t offset, uint32_t word)
{
    const struct register_row *row = find_row(offset);
    uint32_t writable;

    if (!row)
        return;
    if (row->write) {
        row->write(nic, offset, word);
        return;
    }
    writable = row->offset == RAL && offset & 4 ? RAR_WRITABLE : row->writable;
    *reg(nic, offset) = (value(nic, offset) & ~writable) | (word & writable);
}

/* Memory and flash BAR, I/O BAR: registers are double words, and nothing else can be accessed. */
enum { MEMORY_BAR = 0, IO_BAR = 2 };

static uint32_t read_bar(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    struct nic *nic = device;
    uint32_t word = UINT32_MAX;

    pthread_mutex_lock(&nic->card.lock);
    if (nic->card.powered && bar == MEMORY_BAR)
        word = read_register(nic, offset & ~3u) >> 8 * (offset & 3);
    else if (nic->card.powered)
        word = offset == IOADDR   ? nic->io_address
               : offset == IODATA ? read_register(nic, nic->io_address)
                                  : 0;
    pthread_mutex_unlock(&nic->card.lock);
    (void)size;
    return word;
}

static void write_bar(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t word)
{
    struct nic *nic = device;

    if (size != 4 || offset & 3)
        return;
    pthread_mutex_lock(&nic->card.lock);
    if (nic->card.powered && bar == MEMORY_BAR)
        write_register(nic, offset, word);
    else if (nic->card.powered && offset == IOADDR)
        nic->io_address = word & (WINDOW_BYTES - 4);
    else if (nic->card.powered && offset == IODATA)
        write_register(nic, nic->io_address, word);
    pthread_mutex_unlock(&nic->card.lock);
}

/* ---- Making a card ---- */

/* Contents of the EEPROM (5.6, table 5-2), by word. */
static void fill_eeprom(struct eeprom93c46 *eeprom, const uint8_t *mac)
{
    memset(eeprom->words, 0, sizeof eeprom->words);
    for (unsigned i = 0; i < NIC_MAC_LENGTH / 2; i++)
        eeprom->words[i] = (uint16_t)get_le(mac + 2 * i, 2);
    eeprom->words[0x08] = 0xffff; /* PBA number: none */
    eeprom->words[0x09] = 0xffff;
    eeprom->words[0x0a] = 0x4408; /* Initialization Control 1 */
    eeprom->words[0x0b] = 0x001e; /* subsystem: PRO/1000 MT Desktop Adapter */
    eeprom->words[0x0c] = 0x8086;
    eeprom->words[0x0d] = 0x100e; /* device */
    eeprom->words[0x0e] = 0x8086; /* vendor */
    eeprom->words[0x0f] = 0x3040; /* Initialization Control 2: pauses in both directions */
    eeprom93c46_seal(eeprom, 0xbaba);
    eeprom93c46_power_on(eeprom);
}

/* The reset signal. */
static void reset(void *device)
{
    struct nic *nic = device;

    pthread_mutex_lock(&nic->card.lock);
    reset_phy(nic);
    soft_reset(nic);
    pthread_mutex_unlock(&nic->card.lock);
}

static void plug_into_bus(struct nic *nic, const struct nic_config *config)
{
    static const struct pci_function_ops ops = {.read = read_bar, .write = write_bar, .reset = reset};
    const struct pci_function_description description = {
        .name = "82540em",
        .vendor_id = nic->eeprom.words[0x0e],
        .device_id = nic->eeprom.words[0x0d],
        .subsystem_vendor_id = nic->eeprom.words[0x0c],
        .subsystem_id = nic->eeprom.words[0x0b],
        .revision = 2,
        .bars = {[MEMORY_BAR] = {PCI_BAR_MEMORY, WINDOW_BYTES}, [IO_BAR] = {PCI_BAR_IO, IO_BYTES}},
        .ops = &ops,
        .device = nic,
    };

    nic->function = nic_plug_into_bus(config, &description);
    nic->dma = pci_function_dma(nic->function);
    fault_init(&nic->fault, &config->fault, nic->function);
}

static void make_waitable(struct nic *nic, const struct nic_config *config)
{
    nic_card_init(&nic->card, config, "82540em lock", "82540em work");
    lockcheck_name_object(reg(nic, RDT), "ring", "receive ring");
    lockcheck_name_object(reg(nic, TDT), "ring", "transmit ring");
}

static struct nic *create(const struct nic_config *config)
{
    struct nic *nic = calloc(1, sizeof *nic);

    if (!nic)
        return NULL;
    pthread_once(&row_of_once, index_rows);
    make_waitable(nic, config);
    fill_eeprom(&nic->eeprom, config->mac);
    reset_phy(nic);
    soft_reset(nic); /* as at power-on; nothing is driven and no ring is there, so the bus is not used */
    if (!nic_card_start(&nic->card, work, nic)) {
        free(nic);
        return NULL;
    }
    plug_into_bus(nic, config);
    if (nic->card.wire)
        wire_plug(nic->card.wire, receive, nic);
    return nic;
}

static void set_cable(struct nic *nic, bool plugged)
{
    pthread_mutex_lock(&nic->card.lock);
    nic->card.cable = plugged;
    update_link(nic);
    pthread_mutex_unlock(&nic->card.lock);
}

static void power_off(struct nic *nic)
{
    pthread_mutex_lock(&nic->card.lock);
    soft_reset(nic);
    nic_card_power_off(&nic->card);
}

const struct nic_model nic_82540em = {
    .name = "82540em",
    .driver = "e1000",
    .description = "Intel 82540EM gigabit Ethernet, PCI 8086:100e",
    .create = create,
    .receive = receive,
    .set_cable = set_cable,
    .power_off = power_off,
};
