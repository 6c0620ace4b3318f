/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RealTek RTL8139C(L) fast Ethernet controller, register by register. After RealTek's data sheet
 * "RTL8139C(L)", Rev. 1.4, and the "RTL8139(A/B) Programming guide", V0.1. Register names are the data
 * sheet's; a function that carries out a paragraph of either names it.
 *
 * Where the papers are silent, this is what the model does.
 *
 * ROK acknowledged while the ring still has unread frames is set again at once. Drivers acknowledge before or
 * after they read (Linux's after each frame, and its poll may end with frames left), so an event that could
 * be acknowledged away would leave frames in the ring until the next one arrives.
 *
 * Frames that find the ring full wait in the receive FIFO, 2 KB, until CAPR makes room; further ones are
 * missed.
 *
 * A DMA access that is refused sets SERR. The frame is lost; a transmission ends as aborted (TABT, TER), and
 * the next descriptor follows without CLRABT.
 *
 * A transmission that runs its FIFO empty (TUN, by a fault) is made anew from memory by the chip itself: the
 * frame is sent, and an error told.
 *
 * RE going from 0 to 1 empties the ring, as RST does.
 *
 * That the link has changed shows in CSCR, in a bit that only drivers know of, until CSCR is read. Frames
 * that are sent without a link are lost, and the card takes them for sent.
 *
 * Left out: early receive (ERBCR and ERSR read 0), damaged and oversize frames, collisions, flow control, the
 * timer interrupt (TCTR counts, TimeOut never comes), power management and wake-up, boot ROM, VPD, TCR's CRC
 * bit, and the time that a frame takes: a transmission is over as soon as the thread "nic" gets to it.
 *
 * Threads: registers are accessed by the driver's threads, frames arrive in the wire's, transmissions are
 * made by a thread of the model's own. All state is behind one mutex, and every DMA access is made with it
 * held: after a write to CR that stops the transmitter or the receiver, none is under way.
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
#include "harness/nic/eeprom93c46.h"
#include "harness/nic/octets.h"
#include "harness/nic/window.h"
#include "harness/wire/account.h"

/* Register Descriptions: offsets. */
enum {
    IDR0 = 0x00,      /* ID registers: the station's address */
    IDR4 = 0x04,      /* its last two octets */
    MAR0 = 0x08,      /* Multicast registers: the hash filter */
    MAR4 = 0x0c,      /* its upper half */
    TSD0 = 0x10,      /* Transmit Status of Descriptor 0 to 3 */
    TSAD0 = 0x20,     /* Transmit Start Address of Descriptor 0 to 3 */
    RBSTART = 0x30,   /* Receive Buffer Start Address */
    ERBCR = 0x34,     /* Early Receive Byte Count */
    ERSR = 0x36,      /* Early Rx Status */
    CR = 0x37,        /* Command */
    CAPR = 0x38,      /* Current Address of Packet Read, less 16 */
    CBR = 0x3a,       /* Current Buffer Address: where the next frame goes */
    IMR = 0x3c,       /* Interrupt Mask */
    ISR = 0x3e,       /* Interrupt Status */
    TCR = 0x40,       /* Transmit Configuration */
    RCR = 0x44,       /* Receive Configuration */
    TCTR = 0x48,      /* Timer Count */
    MPC = 0x4c,       /* Missed Packet Counter */
    CR9346 = 0x50,    /* 93C46 Command */
    CONFIG0 = 0x51,   /* Configuration 0 */
    CONFIG1 = 0x52,   /* Configuration 1 */
    TIMERINT = 0x54,  /* Timer Interrupt */
    MSR = 0x58,       /* Media Status */
    CONFIG3 = 0x59,   /* Configuration 3 */
    CONFIG4 = 0x5a,   /* Configuration 4 */
    HLTCLK = 0x5b,    /* Halt Clock, of the RTL8139 and RTL8139A; without effect here */
    MULINT = 0x5c,    /* Multiple Interrupt Select */
    RERID = 0x5e,     /* PCI Revision ID */
    TSAD_ALL = 0x60,  /* Transmit Status of All Descriptors (the data sheet's TSAD) */
    BMCR = 0x62,      /* Basic Mode Control, IEEE 802.3 clause 22 register 0 */
    BMSR = 0x64,      /* Basic Mode Status, register 1 */
    ANAR = 0x66,      /* Auto-Negotiation Advertisement, register 4 */
    ANLPAR = 0x68,    /* Auto-Negotiation Link Partner Ability, register 5 */
    ANER = 0x6a,      /* Auto-Negotiation Expansion, register 6 */
    DIS = 0x6c,       /* Disconnect Counter */
    FCSC = 0x6e,      /* False Carrier Sense Counter */
    NWAYTR = 0x70,    /* N-way Test */
    REC = 0x72,       /* RX_ER Counter */
    CSCR = 0x74,      /* CS Configuration */
    PHY1_PARM = 0x78, /* PHY parameter 1 */
    TW_PARM = 0x7c,   /* Twister parameter */
    PHY2_PARM = 0x80, /* PHY parameter 2 */
    CONFIG5 = 0xd8,   /* Configuration 5 */
    REGISTER_BYTES = 0x100,
};

/* Receive Status Register in Rx packet header. */
enum {
    RSR_ROK = 1 << 0,
    RSR_ERRORS = 0x3e,
    RSR_RUNT = 1 << 4,
    RSR_BAR = 1 << 13,
    RSR_PAM = 1 << 14,
    RSR_MAR = 1 << 15
};

/* Transmit Status Register. */
#define TSD_SIZE 0x00001fffu
#define TSD_OWN (1u << 13)
#define TSD_TUN (1u << 14)
#define TSD_TOK (1u << 15)
#define TSD_ERTXTH 0x003f0000u
#define TSD_TABT (1u << 30)

/* Command Register. */
enum { CR_BUFE = 1 << 0, CR_TE = 1 << 2, CR_RE = 1 << 3, CR_RST = 1 << 4 };

/* Interrupt Status Register, and Interrupt Mask Register. */
enum {
    INT_ROK = 1 << 0,
    INT_TOK = 1 << 2,
    INT_TER = 1 << 3,
    INT_RXOVW = 1 << 4,
    INT_PUN = 1 << 5, /* PUN/LinkChg; the former does not come */
    INT_FOVW = 1 << 6,
    INT_SERR = 1 << 15,
    INT_ALL = 0xe07f,
};

/* Transmit Configuration Register. */
#define TCR_LBK 0x00060000u
#define TCR_WRITABLE 0x030707f0u  /* IFG, LBK, CRC, MXDMA, TXRR */
#define TCR_HWVERID_C 0x74000000u /* Hardware Version ID of the RTL8139C */

/* Receive Configuration Register. */
#define RCR_AAP (1u << 0)
#define RCR_APM (1u << 1)
#define RCR_AM (1u << 2)
#define RCR_AB (1u << 3)
#define RCR_AR (1u << 4)
#define RCR_WRAP (1u << 7)
#define RCR_RBLEN_SHIFT 11
#define RCR_WRITABLE 0x0f03ffbfu

/* 93C46 (93C56) Command Register. */
enum { EE_DO = 1 << 0, EE_DI = 1 << 1, EE_SK = 1 << 2, EE_CS = 1 << 3, EE_MODE = 3 << 6 };
enum { EE_MODE_LOAD = 1 << 6, EE_MODE_PROGRAM = 2 << 6, EE_MODE_CONFIG = 3 << 6 };

/* Media Status Register. */
enum { MSR_LINKB = 1 << 2 };

/* Basic Mode Control and Status, the auto-negotiation registers, CS Configuration. */
#define BMCR_DEFAULT BMCR_ANENABLE /* forced: 100 Mbit/s full duplex */
#define BMCR_SELF_CLEAR (BMCR_RESET | BMCR_ANRESTART)
#define BMCR_LOCKED (BMCR_SPEED100 | BMCR_ANENABLE | BMCR_FULLDPLX) /* EEM must allow the change */
#define BMSR_LINK (BMSR_ANEGCOMPLETE | BMSR_LSTATUS)
#define CSCR_DEFAULT 0x0140u
#define CSCR_LINK 0x0408u
#define CSCR_LINK_CHANGED 0x0800u

#define TX_DESCRIPTORS 4u
#define TX_FRAME_MAX 1792u /* "the total size of a packet" that a descriptor may give */
#define RX_FIFO_BYTES 2048u
#define RX_HEADER_BYTES 4u
#define RX_FCS_BYTES 4u
#define RX_FRAME_MAX 4096u /* of LONG; the wire brings no more than 1518 */
#define RX_CAPR_BIAS 16u   /* CAPR is 16 less than the offset of the next frame to read */
#define RX_RING_MAX 65536u
#define RX_UNREAD_MAX (RX_RING_MAX / 16) /* a runt's entry takes 16 octets at least */
#define TIMER_HZ 33000000ull             /* TCTR counts the PCI clock */
#define NS_PER_S 1000000000ull

struct fifo_entry {
    uint16_t status;
    uint16_t length; /* octets without FCS */
};

/* Receive FIFO: what waits for room in the ring. */
struct rx_fifo {
    uint8_t data[RX_FIFO_BYTES];
    struct fifo_entry entries[RX_FIFO_BYTES / RX_HEADER_BYTES];
    unsigned count;
    size_t used; /* octets of data, and of what the entries take in the real FIFO */
};

struct nic {
    struct nic_card card;
    struct pci_function *function;
    struct dma_device *dma;
    struct fault fault;
    bool link_changed;

    struct window window;
    struct eeprom93c46 eeprom;

    uint8_t cr; /* TE and RE */
    uint16_t imr;
    uint16_t isr;
    bool line; /* what the interrupt pin is driven to: (isr & imr) != 0 */
    uint64_t timer_start_ns;

    uint32_t tsd[TX_DESCRIPTORS];
    uint32_t tsad[TX_DESCRIPTORS];
    bool tsad_written[TX_DESCRIPTORS]; /* since the last reset */
    unsigned tx_current;               /* the descriptor whose turn it is */
    unsigned tx_generation;            /* counts RST, so that a transmission from before does not complete */
    uint8_t tx_data[RX_FRAME_MAX];

    uint32_t rbstart;
    uint32_t rcr;
    uint32_t tcr;
    uint32_t rx_write; /* CBR: offset in the ring */
    uint32_t rx_read;  /* CAPR + 16, modulo the ring */
    uint32_t mpc;
    struct rx_fifo fifo;
    uint8_t rx_data[RX_HEADER_BYTES + RX_FRAME_MAX + RX_FCS_BYTES];

    /* Octets of ring that each unread frame takes, oldest first, for the account of frames lost by a reset.
     */
    uint32_t unread[RX_UNREAD_MAX];
    unsigned unread_first;
    unsigned unread_count;
    uint32_t unread_passed; /* octets of the oldest that CAPR has passed */
};

/* ---- Interrupts ---- */

/* The pin is level-triggered: after a change of isr or imr. */
static void update_line(struct nic *nic)
{
    bool line = nic->isr & nic->imr;

    if (line == nic->line)
        return;
    nic->line = fault_drive_pin(&nic->fault, line);
}

static void raise(struct nic *nic, unsigned events)
{
    nic->isr |= (uint16_t)events;
    update_line(nic);
}

/* ---- The receiver ---- */

static uint32_t ring_size(const struct nic *nic)
{
    return 8192u << (nic->rcr >> RCR_RBLEN_SHIFT & 3);
}

static bool ring_empty(const struct nic *nic)
{
    return nic->rx_read == nic->rx_write;
}

/* Octets of ring that a frame takes: header, frame, FCS, up to the next double word. */
static uint32_t ring_entry(size_t length)
{
    return (uint32_t)(RX_HEADER_BYTES + length + RX_FCS_BYTES + 3) & ~3u;
}

/* The pointers are never equal because the ring is full: that means empty. */
static bool ring_has_room(const struct nic *nic, size_t length)
{
    uint32_t free = (nic->rx_read - nic->rx_write - 1) & (ring_size(nic) - 1);

    return ring_entry(length) <= free;
}

/* What the driver has not read is lost. */
static void empty_ring(struct nic *nic)
{
    for (unsigned i = 0; i < nic->unread_count + nic->fifo.count; i++)
        account_frame_dropped(ACCOUNT_DROP_NIC);
    nic->unread_first = nic->unread_count = nic->unread_passed = 0;
    nic->fifo.count = 0;
    nic->fifo.used = 0;
    nic->rx_write = 0;
    nic->rx_read = 0;
}

/* The driver has moved CAPR on by so many octets. */
static void forget_read_frames(struct nic *nic, uint32_t octets)
{
    nic->unread_passed += octets;
    while (nic->unread_count && nic->unread[nic->unread_first] <= nic->unread_passed) {
        nic->unread_passed -= nic->unread[nic->unread_first];
        nic->unread_first = (nic->unread_first + 1) % RX_UNREAD_MAX;
        nic->unread_count--;
    }
    if (!nic->unread_count)
        nic->unread_passed = 0;
}

/*
 * Packet Reception: header (status, length with FCS), frame and FCS go to the ring at CBR. A frame that
 * reaches the ring's end goes on at its start, or with WRAP goes on behind its end, where the driver
 * keeps 1.5 KB free; WRAP does not hold for a ring of 64 KB. Returns false when DMA was refused.
 */
static bool write_ring(struct nic *nic, uint16_t status, const uint8_t *frame, size_t length)
{
    uint32_t size = ring_size(nic);
    uint32_t octets = (uint32_t)(RX_HEADER_BYTES + length + RX_FCS_BYTES);
    uint32_t first = size - nic->rx_write;
    bool split = octets > first && (!(nic->rcr & RCR_WRAP) || size == RX_RING_MAX);
    uint8_t *data = nic->rx_data;

    put_le(data, 2, status);
    put_le(data + 2, 2, (uint32_t)length + RX_FCS_BYTES);
    memcpy(data + RX_HEADER_BYTES, frame, length);
    put_le(data + RX_HEADER_BYTES + length, RX_FCS_BYTES, (uint32_t)crc32(0, frame, (unsigned)length));
    /* The order of the octets on the bus is not seen by drivers: BUFE and CBR, which change last, publish
     * them. */
    if (!split)
        return dma_write(nic->dma, nic->rbstart + nic->rx_write, data, octets, &nic->rbstart);
    return dma_write(nic->dma, nic->rbstart + nic->rx_write, data, first, &nic->rbstart) &&
           dma_write(nic->dma, nic->rbstart, data + first, octets - first, &nic->rbstart);
}

/* A frame is in the ring: publish it. */
static void advance_ring(struct nic *nic, size_t length)
{
    uint32_t entry = ring_entry(length);

    nic->rx_write = (nic->rx_write + entry) & (ring_size(nic) - 1);
    assert(nic->unread_count < RX_UNREAD_MAX); /* an entry takes more than RX_RING_MAX / RX_UNREAD_MAX */
    nic->unread[(nic->unread_first + nic->unread_count++) % RX_UNREAD_MAX] = entry;
    nic->isr |= INT_ROK;
}

static size_t fifo_octets(size_t length)
{
    return RX_HEADER_BYTES + length + RX_FCS_BYTES;
}

static bool push_fifo(struct rx_fifo *fifo, uint16_t status, const uint8_t *frame, size_t length)
{
    size_t start = fifo->used - fifo->count * fifo_octets(0);

    if (fifo->used + fifo_octets(length) > RX_FIFO_BYTES)
        return false;
    memcpy(fifo->data + start, frame, length);
    fifo->entries[fifo->count++] = (struct fifo_entry){.status = status, .length = (uint16_t)length};
    fifo->used += fifo_octets(length);
    return true;
}

static void pop_fifo(struct rx_fifo *fifo)
{
    size_t length = fifo->entries[0].length;

    fifo->count--;
    fifo->used -= fifo_octets(length);
    memmove(fifo->entries, fifo->entries + 1, fifo->count * sizeof fifo->entries[0]);
    memmove(fifo->data, fifo->data + length, RX_FIFO_BYTES - length);
}

/* The driver has made room: what waits in the FIFO goes to the ring. */
static void drain_fifo(struct nic *nic)
{
    struct rx_fifo *fifo = &nic->fifo;

    while (fifo->count && nic->cr & CR_RE && ring_has_room(nic, fifo->entries[0].length)) {
        size_t length = fifo->entries[0].length;

        if (write_ring(nic, fifo->entries[0].status, fifo->data, length)) {
            advance_ring(nic, length);
        } else {
            account_frame_dropped(ACCOUNT_DROP_NIC);
            nic->isr |= INT_SERR;
        }
        pop_fifo(fifo);
    }
}

/* Multicast Registers: the upper six bits of the address's CRC choose one of 64 bits. */
static bool hash_matches(const struct nic *nic, const uint8_t *address)
{
    uint32_t crc = ~(uint32_t)crc32(0, address, NIC_MAC_LENGTH); /* without the final complement */
    unsigned bit = 0;

    for (unsigned i = 0; i < 6; i++) /* zlib's is the reflected CRC: its low bits are the sheet's high bits */
        bit |= (crc >> i & 1) << (5 - i);
    return nic->window.stored[MAR0 + bit / 8] >> bit % 8 & 1;
}

/* Receive Configuration Register: the status of a frame that is to be received, or 0. */
static uint16_t accept_frame(const struct nic *nic, const uint8_t *frame, size_t length)
{
    unsigned status = RSR_ROK;

    if (length < REPLAY_FRAME_MIN) {
        if (!(nic->rcr & RCR_AR))
            return 0;
        status = RSR_RUNT;
    }
    if (is_broadcast(frame))
        return nic->rcr & RCR_AB ? (uint16_t)(status | RSR_BAR) : 0;
    if (frame[0] & 1)
        return nic->rcr & RCR_AM && hash_matches(nic, frame) ? (uint16_t)(status | RSR_MAR) : 0;
    if (memcmp(frame, nic->window.stored + IDR0, NIC_MAC_LENGTH) == 0)
        return nic->rcr & (RCR_APM | RCR_AAP) ? (uint16_t)(status | RSR_PAM) : 0;
    return nic->rcr & RCR_AAP ? (uint16_t)status : 0;
}

/* A frame that passed the filter. Missed frames count in MPC: "packets discarded due to Rx FIFO overflow". */
static enum wire_outcome take_frame(struct nic *nic, uint16_t status, const uint8_t *frame, size_t length)
{
    if (nic->fifo.count == 0 && ring_has_room(nic, length)) {
        if (!write_ring(nic, status, frame, length)) {
            nic->isr |= INT_SERR;
            return WIRE_MISSED;
        }
        account_frame_accepted();
        advance_ring(nic, length);
        return WIRE_ACCEPTED;
    }
    nic->isr |= INT_RXOVW;
    if (push_fifo(&nic->fifo, status, frame, length)) {
        account_frame_accepted();
        return WIRE_ACCEPTED;
    }
    nic->isr |= INT_FOVW;
    nic->mpc = (nic->mpc + 1) & 0xffffff;
    return WIRE_MISSED;
}

static bool loops_back(const struct nic *nic)
{
    return (nic->tcr & TCR_LBK) == TCR_LBK;
}

static enum wire_outcome receive(void *opaque, const uint8_t *frame, size_t length)
{
    struct nic *nic = opaque;
    enum wire_outcome outcome = WIRE_FILTERED;

    assert(length >= 2 * NIC_MAC_LENGTH && length <= RX_FRAME_MAX);
    pthread_mutex_lock(&nic->card.lock);
    if (nic->cr & CR_RE && !nic->fault.removed && (nic->card.cable || loops_back(nic))) {
        uint16_t status = accept_frame(nic, frame, length);

        if (status) {
            if (fault_receiving(&nic->fault))
                status = RSR_ERRORS;
            outcome = take_frame(nic, status, frame, length);
            update_line(nic);
        }
    }
    pthread_mutex_unlock(&nic->card.lock);
    return outcome;
}

/* ---- The transmitter ---- */

static bool transmit_ready(const struct nic *nic)
{
    return nic->cr & CR_TE && !nic->fault.stuck && !(nic->tsd[nic->tx_current] & TSD_OWN);
}

static void start_transmitter(struct nic *nic)
{
    if (transmit_ready(nic))
        nic_card_wake(&nic->card);
}

/* Move a frame from memory into the transmit FIFO. Returns false when it cannot be sent. */
static bool fetch_frame(struct nic *nic, unsigned descriptor, size_t length)
{
    if (length < 2 * NIC_MAC_LENGTH || length > TX_FRAME_MAX)
        return false;
    if (dma_read(nic->dma, nic->tsad[descriptor], nic->tx_data, length, &nic->tsd[descriptor]))
        return true;
    nic->isr |= INT_SERR;
    return false;
}

/*
 * Packet Transmission: the descriptors are taken in turn. OWN is set when the frame is in the FIFO, TOK when
 * it has been sent; both are seen at once here, after the wire has the frame. Called with the lock held,
 * which is dropped while the frame goes out.
 */
static void transmit_one(struct nic *nic)
{
    unsigned descriptor = nic->tx_current;
    unsigned generation = nic->tx_generation;
    size_t length = nic->tsd[descriptor] & TSD_SIZE;
    bool loopback = loops_back(nic), linked = nic->card.cable;

    if (fault_sending(&nic->fault))
        return;
    bool fetched = fetch_frame(nic, descriptor, length);
    bool underrun = fetched && fault_leaving(&nic->fault);

    if (fetched) {
        pthread_mutex_unlock(&nic->card.lock);
        if (loopback)
            receive(nic, nic->tx_data, length);
        else if (linked)
            wire_transmit(nic->card.wire, nic->tx_data, length);
        pthread_mutex_lock(&nic->card.lock);
    }
    if (generation != nic->tx_generation)
        return; /* reset meanwhile: nobody waits for this frame */
    nic->tsd[descriptor] |= TSD_OWN | (underrun ? TSD_TUN : fetched ? TSD_TOK : TSD_TABT);
    nic->tx_current = (descriptor + 1) % TX_DESCRIPTORS;
    raise(nic, fetched && !underrun ? INT_TOK : INT_TER);
}

static void *transmit(void *opaque)
{
    struct nic *nic = opaque;

    pthread_setname_np(pthread_self(), "nic");
    pthread_mutex_lock(&nic->card.lock);
    while (nic->card.powered)
        if (transmit_ready(nic)) {
            transmit_one(nic);
        } else {
            nic_card_wait(&nic->card, MACHINE_NEVER);
        }
    pthread_mutex_unlock(&nic->card.lock);
    return NULL;
}

/* ---- Registers with behaviour of their own, with the lock held ---- */

static bool config_writable(const struct nic *nic)
{
    return (nic->window.stored[CR9346] & EE_MODE) == EE_MODE_CONFIG;
}

/* Contents of the EEPROM: what the chip loads at power-on, and on EEM = auto-load. */
static void autoload(struct nic *nic)
{
    for (unsigned i = 0; i < NIC_MAC_LENGTH / 2; i++)
        put_le(nic->window.stored + IDR0 + 2 * i, 2, nic->eeprom.words[7 + i]);
    nic->window.stored[CONFIG3] = nic->eeprom.words[6] >> 8 & 0xff;
    nic->window.stored[CONFIG0] = nic->eeprom.words[10] & 0xff;
    nic->window.stored[CONFIG1] = nic->eeprom.words[10] >> 8 & 0xff;
    nic->window.stored[CONFIG4] = nic->eeprom.words[12] >> 8 & 0xff;
}

/* RST: transmitter and receiver off, FIFOs and buffer pointers as at power-on; IDR, MAR, the PCI
 * configuration and the PHY stay. It is over at once, so RST always reads 0. */
static void soft_reset(struct nic *nic)
{
    fault_reset(&nic->fault);
    empty_ring(nic);
    nic->cr = 0;
    nic->imr = 0;
    nic->isr = 0;
    nic->rcr = 0;
    nic->tcr = 0;
    nic->rbstart = 0;
    nic->mpc = 0;
    nic->tx_current = 0;
    nic->tx_generation++;
    for (unsigned i = 0; i < TX_DESCRIPTORS; i++) {
        nic->tsd[i] = TSD_OWN;
        nic->tsad[i] = 0;
        nic->tsad_written[i] = false;
        lockcheck_event(LOCKCHECK_HAND_OVER, &nic->tsd[i], 0);
    }
    put_le(nic->window.stored + MULINT, 2, 0);
    update_line(nic);
}

static uint32_t read_cr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->cr | (ring_empty(nic) ? CR_BUFE : 0u);
}

static void write_cr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    bool received = nic->cr & CR_RE;

    (void)index;
    (void)mask;
    if (value & CR_RST) {
        soft_reset(nic);
        return;
    }
    nic->cr = value & (CR_TE | CR_RE);
    if (nic->cr & CR_RE && !received)
        empty_ring(nic);
    start_transmitter(nic);
}

static uint32_t read_tsd(struct nic *nic, unsigned index)
{
    return nic->tsd[index];
}

/*
 * The driver hands a descriptor over. The card takes them in turn and, when the transmitter is on, at once:
 * it would send from a wrong address, later than what follows, or never. That is a finding, and no more: here
 * the card goes on as a real one does.
 */
static void check_hand_over(struct nic *nic, unsigned index)
{
    unsigned next = nic->tx_current, waiting = 0;
    char text[128];

    while (waiting < TX_DESCRIPTORS && !(nic->tsd[next] & TSD_OWN)) {
        next = (next + 1) % TX_DESCRIPTORS;
        waiting++;
    }
    if (waiting == TX_DESCRIPTORS)
        snprintf(text, sizeof text, "the driver hands over a descriptor that rtl8139 has not sent yet");
    else if (index != next)
        snprintf(text, sizeof text, "the driver hands over a descriptor when it is the turn of descriptor %u",
                 next);
    else if (!(nic->cr & CR_TE))
        snprintf(text, sizeof text, "the driver hands over a descriptor while rtl8139's transmitter is off");
    else if (!nic->tsad_written[index])
        snprintf(text, sizeof text, "the driver hands over a descriptor without an address since the reset");
    else
        return;
    lockcheck_finding_about(&nic->tsd[index], "device-misuse", text);
}

/* OWN written as 0 hands the descriptor over. "Writing to this register" clears the status bits. */
static void write_tsd(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    if (mask != UINT32_MAX)
        return; /* TSD and TSAD are only accessible as double words */
    if (!(value & TSD_OWN)) {
        check_hand_over(nic, index);
        lockcheck_event(LOCKCHECK_HAND_OVER, &nic->tsd[index], 0);
    }
    nic->tsd[index] = value & (TSD_SIZE | TSD_OWN | TSD_ERTXTH);
    start_transmitter(nic);
}

static uint32_t read_tsad(struct nic *nic, unsigned index)
{
    return nic->tsad[index];
}

static void write_tsad(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    if (mask != UINT32_MAX)
        return;
    nic->tsad[index] = value;
    nic->tsad_written[index] = true;
}

/* Transmit Status of All Descriptors: TOK, TUN, TABT and OWN, four bits each. */
static uint32_t read_tsad_all(struct nic *nic, unsigned index)
{
    uint32_t value = 0;

    (void)index;
    for (unsigned i = 0; i < TX_DESCRIPTORS; i++) {
        value |= (nic->tsd[i] & TSD_OWN ? 1u : 0) << i;
        value |= (nic->tsd[i] & TSD_TABT ? 1u : 0) << (4 + i);
        value |= (nic->tsd[i] & TSD_TUN ? 1u : 0) << (8 + i);
        value |= (nic->tsd[i] & TSD_TOK ? 1u : 0) << (12 + i);
    }
    return value;
}

static uint32_t read_rbstart(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->rbstart;
}

static void write_rbstart(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    nic->rbstart = (nic->rbstart & ~mask) | value;
    lockcheck_event(LOCKCHECK_HAND_OVER, &nic->rbstart, 0);
}

static uint32_t read_capr(struct nic *nic, unsigned index)
{
    (void)index;
    return (nic->rx_read - RX_CAPR_BIAS) & 0xffff;
}

static void write_capr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    uint32_t size = ring_size(nic);
    uint32_t capr = (read_capr(nic, index) & ~mask) | value;
    uint32_t to = (capr + RX_CAPR_BIAS) & (size - 1) & ~3u; /* entries begin at double words */

    forget_read_frames(nic, (to - nic->rx_read) & (size - 1));
    nic->rx_read = to;
    drain_fifo(nic);
    update_line(nic);
}

static uint32_t read_cbr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->rx_write;
}

static uint32_t read_imr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->imr;
}

static void write_imr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    nic->imr = (uint16_t)(((nic->imr & ~mask) | value) & INT_ALL);
    update_line(nic);
}

static uint32_t read_isr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->isr;
}

/* Ones clear. ROK stays while there is something to read: see the top of the file. */
static void write_isr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    nic->isr &= (uint16_t)~value;
    if (nic->cr & CR_RE && !ring_empty(nic))
        nic->isr |= INT_ROK;
    update_line(nic);
}

static uint32_t read_tcr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->tcr | TCR_HWVERID_C;
}

static void write_tcr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    nic->tcr = ((nic->tcr & ~mask) | value) & TCR_WRITABLE;
}

static uint32_t read_rcr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->rcr;
}

/* A change of RBLEN moves the ring's end under the pointers, so the ring begins anew. */
static void write_rcr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    uint32_t size = ring_size(nic);

    (void)index;
    nic->rcr = ((nic->rcr & ~mask) | value) & RCR_WRITABLE;
    if (ring_size(nic) != size)
        empty_ring(nic);
}

static uint32_t read_tctr(struct nic *nic, unsigned index)
{
    uint64_t ns = machine_now_ns() - nic->timer_start_ns;

    (void)index;
    return (uint32_t)(ns / NS_PER_S * TIMER_HZ + ns % NS_PER_S * TIMER_HZ / NS_PER_S);
}

static void write_tctr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)value;
    (void)mask;
    nic->timer_start_ns = machine_now_ns(); /* "any write clears it" */
}

static uint32_t read_mpc(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->mpc;
}

static void write_mpc(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)value;
    (void)mask;
    nic->mpc = 0;
}

static uint32_t read_9346cr(struct nic *nic, unsigned index)
{
    uint32_t value = nic->window.stored[CR9346] & ~(unsigned)EE_DO;

    (void)index;
    if ((value & EE_MODE) == EE_MODE_PROGRAM && eeprom93c46_output(&nic->eeprom))
        value |= EE_DO;
    return value;
}

static void write_9346cr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    if ((value & EE_MODE) == EE_MODE_LOAD) {
        autoload(nic);
        value &= ~(uint32_t)EE_MODE; /* back to normal when it has finished */
    }
    nic->window.stored[CR9346] = value & (EE_MODE | EE_CS | EE_SK | EE_DI);
    if ((value & EE_MODE) == EE_MODE_PROGRAM)
        eeprom93c46_drive(&nic->eeprom, value & EE_CS, value & EE_SK, value & EE_DI);
    else
        eeprom93c46_drive(&nic->eeprom, false, false, false);
}

/* Only while EEM allows it. index and mask have the size of the register. */
static void write_config(struct nic *nic, unsigned offset, uint32_t value, uint32_t mask, uint8_t writable)
{
    if (config_writable(nic))
        nic->window.stored[offset] =
            (uint8_t)((nic->window.stored[offset] & ~(mask & writable)) | (value & writable));
}

static void write_config1(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    write_config(nic, CONFIG1, value, mask, 0xf3); /* MEMMAP and IOMAP are read only */
}

static void write_config3(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    write_config(nic, CONFIG3, value, mask, 0x70); /* PARM_En, Magic, LinkUp */
}

static void write_config4(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    write_config(nic, CONFIG4, value, mask, 0xfd);
}

static uint32_t read_msr(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->card.cable ? 0 : MSR_LINKB; /* 100 Mbit/s; LINKB is low while the link is good */
}

static void write_bmcr(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    if (!config_writable(nic))
        mask &= ~BMCR_LOCKED;
    mask &= 0xffff & ~BMCR_SELF_CLEAR;
    put_le(nic->window.stored + BMCR, 2, (get_le(nic->window.stored + BMCR, 2) & ~mask) | (value & mask));
}

static uint32_t read_bmsr(struct nic *nic, unsigned index)
{
    (void)index;
    return MII_ABILITIES | (nic->card.cable ? BMSR_LINK : 0);
}

static uint32_t read_anlpar(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->card.cable ? MII_LPA_LINK : 0;
}

static uint32_t read_aner(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->card.cable ? MII_EXPANSION_LINK : 0;
}

static uint32_t read_cscr(struct nic *nic, unsigned index)
{
    (void)index;
    uint32_t changed = nic->link_changed ? CSCR_LINK_CHANGED : 0;

    nic->link_changed = false;
    return get_le(nic->window.stored + CSCR, 2) | (nic->card.cable ? CSCR_LINK : 0) | changed;
}

/* ---- The register table ---- */

static const struct window_row registers[] = {
    {IDR0, 4, 1, NULL, NULL},
    {IDR4, 2, 1, NULL, NULL},
    {MAR0, 4, 2, NULL, NULL},
    {TSD0, 4, TX_DESCRIPTORS, read_tsd, write_tsd},
    {TSAD0, 4, TX_DESCRIPTORS, read_tsad, write_tsad},
    {RBSTART, 4, 1, read_rbstart, write_rbstart},
    {ERBCR, 2, 1, window_zero, window_ignore},
    {ERSR, 1, 1, window_zero, window_ignore},
    {CR, 1, 1, read_cr, write_cr},
    {CAPR, 2, 1, read_capr, write_capr},
    {CBR, 2, 1, read_cbr, window_ignore},
    {IMR, 2, 1, read_imr, write_imr},
    {ISR, 2, 1, read_isr, write_isr},
    {TCR, 4, 1, read_tcr, write_tcr},
    {RCR, 4, 1, read_rcr, write_rcr},
    {TCTR, 4, 1, read_tctr, write_tctr},
    {MPC, 4, 1, read_mpc, write_mpc},
    {CR9346, 1, 1, read_9346cr, write_9346cr},
    {CONFIG0, 1, 1, NULL, window_ignore},
    {CONFIG1, 1, 1, NULL, write_config1},
    {TIMERINT, 4, 1, NULL, NULL},
    {MSR, 1, 1, read_msr, window_ignore},
    {CONFIG3, 1, 1, NULL, write_config3},
    {CONFIG4, 1, 1, NULL, write_config4},
    {HLTCLK, 1, 1, window_zero, window_ignore},
    {MULINT, 2, 1, NULL, NULL},
    {RERID, 1, 1, NULL, window_ignore},
    {TSAD_ALL, 2, 1, read_tsad_all, window_ignore},
    {BMCR, 2, 1, NULL, write_bmcr},
    {BMSR, 2, 1, read_bmsr, window_ignore},
    {ANAR, 2, 1, NULL, NULL},
    {ANLPAR, 2, 1, read_anlpar, window_ignore},
    {ANER, 2, 1, read_aner, window_ignore},
    {DIS, 2, 1, window_zero, window_ignore},
    {FCSC, 2, 1, window_zero, window_ignore},
    {NWAYTR, 2, 1, NULL, NULL},
    {REC, 2, 1, window_zero, window_ignore},
    {CSCR, 2, 1, read_cscr, NULL},
    {PHY1_PARM, 4, 1, NULL, NULL},
    {TW_PARM, 4, 1, NULL, NULL},
    {PHY2_PARM, 1, 1, NULL, NULL},
    {CONFIG5, 1, 1, NULL, NULL},
};

/* IOAR and MEMAR: both show the same registers. */
static uint32_t read_bar(void *device, unsigned bar, uint32_t offset, unsigned size)
{
    struct nic *nic = device;

    (void)bar;
    return window_read(&nic->window, offset, size);
}

static void write_bar(void *device, unsigned bar, uint32_t offset, unsigned size, uint32_t value)
{
    struct nic *nic = device;

    (void)bar;
    window_write(&nic->window, offset, size, value);
}

/* ---- Making a card ---- */

/* Contents of the EEPROM, by word. */
static void fill_eeprom(struct eeprom93c46 *eeprom, const uint8_t *mac)
{
    memset(eeprom->words, 0, sizeof eeprom->words);
    eeprom->words[0] = 0x8129; /* the mark of a programmed EEPROM */
    eeprom->words[1] = 0x10ec; /* VID */
    eeprom->words[2] = 0x8139; /* DID */
    eeprom->words[3] = 0x10ec; /* SVID */
    eeprom->words[4] = 0x8139; /* SMID */
    eeprom->words[5] = 0x4020; /* MXLAT, MNGNT */
    eeprom->words[6] = 0x0000; /* CONFIG3, MSRBMCR */
    for (unsigned i = 0; i < NIC_MAC_LENGTH / 2; i++)
        eeprom->words[7 + i] = (uint16_t)get_le(mac + 2 * i, 2); /* Ethernet ID */
    eeprom->words[10] = 0x0c00;                                  /* CONFIG1 (MEMMAP, IOMAP), CONFIG0 */
    eeprom93c46_power_on(eeprom);
}

/* The reset signal. */
static void reset(void *device)
{
    struct nic *nic = device;

    pthread_mutex_lock(&nic->card.lock);
    soft_reset(nic);
    autoload(nic);
    pthread_mutex_unlock(&nic->card.lock);
}

static void plug_into_bus(struct nic *nic, const struct nic_config *config)
{
    static const struct pci_function_ops ops = {.read = read_bar, .write = write_bar, .reset = reset};
    const struct pci_function_description description = {
        .name = "rtl8139",
        .vendor_id = nic->eeprom.words[1],
        .device_id = nic->eeprom.words[2],
        .subsystem_vendor_id = nic->eeprom.words[3],
        .subsystem_id = nic->eeprom.words[4],
        .revision = nic->window.stored[RERID],
        .bars = {{PCI_BAR_IO, REGISTER_BYTES}, {PCI_BAR_MEMORY, REGISTER_BYTES}}, /* IOAR, MEMAR */
        .ops = &ops,
        .device = nic,
    };

    nic->function = nic_plug_into_bus(config, &description);
    pci_function_set_config(nic->function, 0x3e, 2, nic->eeprom.words[5], 0); /* MNGNT, MXLAT */
    nic->dma = pci_function_dma(nic->function);
    fault_init(&nic->fault, &config->fault, nic->function);
}

static void power_on(struct nic *nic, const struct nic_config *config)
{
    nic->timer_start_ns = machine_now_ns();
    fill_eeprom(&nic->eeprom, config->mac);
    autoload(nic);
    nic->window.stored[RERID] = 0x10; /* RTL8139C */
    put_le(nic->window.stored + BMCR, 2, BMCR_DEFAULT);
    put_le(nic->window.stored + ANAR, 2, MII_OFFER);
    put_le(nic->window.stored + CSCR, 2, CSCR_DEFAULT);
}

static struct nic *create(const struct nic_config *config)
{
    struct nic *nic = calloc(1, sizeof *nic);

    if (!nic)
        return NULL;
    window_init(&nic->window, registers, sizeof registers / sizeof registers[0], nic, &nic->card);
    nic_card_init(&nic->card, config, "rtl8139 lock", "rtl8139 transmit");
    lockcheck_name_object(&nic->rbstart, "ring", "receive ring");
    for (unsigned i = 0; i < TX_DESCRIPTORS; i++) {
        char name[32];

        snprintf(name, sizeof name, "transmit descriptor %u", i);
        lockcheck_name_object(&nic->tsd[i], "transmit descriptor", name);
    }
    power_on(nic, config);
    soft_reset(nic); /* as at power-on; the line is not driven yet, so the function is not used */
    if (!nic_card_start(&nic->card, transmit, nic)) {
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
    if (nic->card.cable != plugged) {
        nic->card.cable = plugged;
        nic->link_changed = true;
        raise(nic, INT_PUN);
    }
    pthread_mutex_unlock(&nic->card.lock);
}

static void power_off(struct nic *nic)
{
    pthread_mutex_lock(&nic->card.lock);
    soft_reset(nic);
    nic_card_power_off(&nic->card);
}

const struct nic_model nic_rtl8139 = {
    .name = "rtl8139",
    .driver = "8139too",
    .description = "RealTek RTL8139C fast Ethernet, PCI 10ec:8139",
    .create = create,
    .receive = receive,
    .set_cable = set_cable,
    .power_off = power_off,
};
