/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Intel 82559 fast Ethernet controller, register by register. After Intel's "8255x 10/100 Mbps Ethernet
 * Controller Family Open Source Software Developer Manual", Rev. 1.0 to 1.3; its PHY, an 82555, after IEEE
 * 802.3 clause 22 and the data sheet of the 82555. Names are the manual's: the command unit (CU) carries out
 * a list of command blocks (CB), the receive unit (RU) fills a list of receive frame descriptors (RFD), both
 * in memory; the driver starts and resumes the units through the system control block (SCB).
 *
 * Where the manual is silent, this is what the model does.
 *
 * Both units read a block when its turn comes. The CU looks at the suspend and end-of-list bits once more
 * when it has carried the block out, and when it is resumed: a block whose suspend bit is still set keeps it
 * suspended.
 *
 * A DMA access that is refused stops the unit that made it, which is then idle: the chip has met a master
 * abort. The RU has left the ready state, and says so (RNR); the CU does not say anything.
 *
 * A frame that does not fit its RFD is cut and shown as an error (no resources), and the RU goes on to the
 * next RFD, as status bit 9 has it; also where the RFD has no room at all. But an RFD of size 0 that ends the
 * list (EL) is not written, and stops the RU: Linux's e100 says so of the chip and relies on it. Frames that
 * come while the RU has no resources or is suspended are not kept for later: they are missed, and counted as
 * resource errors.
 *
 * A reset loses the frames in memory that the driver has not read. Whether it has read one shows in the RFD:
 * it was taken from the card (its mapping has ended), was used again, or its status was cleared.
 *
 * CNA interrupt delay: from when the CU has ceased to be active, eight microseconds a unit, unless it becomes
 * active again meanwhile.
 *
 * Auto-negotiation takes no time, and the peer can do everything. Without a link frames leave for nowhere,
 * and are counted as sent without carrier sense.
 *
 * Left out: microcode (it is taken in, and not carried out, so interrupts of received frames are not
 * gathered), header and flexible mode of reception, the high priority queue, damaged frames, collisions, flow
 * control, TCO, wake-up, flash, CardBus, and the time that things take: a frame is sent as soon as the thread
 * "nic" gets to it.
 *
 * Threads: registers are accessed by the driver's threads, frames arrive in the wire's, commands are carried
 * out and the delay ends in a thread of the model's own. All state is behind one mutex, and every DMA access
 * is made with it held: after a reset none is under way.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "harness/nic/mii.h"
#include "harness/nic/nic.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
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

/* Control/Status Registers (6.3): offsets. */
enum {
    SCB_STATUS = 0x00,
    SCB_STAT_ACK = 0x01,
    SCB_COMMAND = 0x02,
    SCB_INTERRUPTS = 0x03,
    SCB_POINTER = 0x04,
    PORT = 0x08,
    FLASH_CONTROL = 0x0c,
    EEPROM_CONTROL = 0x0e,
    MDI_CONTROL = 0x10,
    RX_DMA_COUNT = 0x14,
    EARLY_RX = 0x18,
    FLOW_CONTROL = 0x19,
    PMDR = 0x1b,
    GENERAL_CONTROL = 0x1c,
    GENERAL_STATUS = 0x1d,
    CSR_BYTES = 0x40,
    MEMORY_BYTES = 0x1000,
};
enum { MEMORY_BAR = 0, IO_BAR = 1 };

/* SCB Status Word (6.3.1): its state bits, and its STAT/ACK byte. */
enum cu_state { CU_IDLE = 0, CU_SUSPENDED = 1, CU_ACTIVE = 2 };
enum ru_state { RU_IDLE = 0, RU_SUSPENDED = 1, RU_NO_RESOURCES = 2, RU_READY = 4 };
#define STATUS_CUS_SHIFT 6
#define STATUS_RUS_SHIFT 2
enum { ACK_SWI = 0x04, ACK_MDI = 0x08, ACK_RNR = 0x10, ACK_CNA = 0x20, ACK_FR = 0x40, ACK_CX = 0x80 };

/* SCB Command Word (6.3.2): its interrupt control byte. The upper bits mask one cause each. */
enum { INTERRUPT_M = 0x01, INTERRUPT_SI = 0x02, INTERRUPT_MASKS = 0xfc };
#define CUC(command) ((command) >> 4 & 0xf)
#define RUC(command) ((command)&7)
enum {
    CUC_NOP = 0,
    CUC_START = 1,
    CUC_RESUME = 2,
    CUC_LOAD_COUNTERS_ADDRESS = 4,
    CUC_DUMP_COUNTERS = 5,
    CUC_LOAD_BASE = 6,
    CUC_DUMP_AND_RESET_COUNTERS = 7,
    CUC_STATIC_RESUME = 10,
};
enum { RUC_NOP = 0, RUC_START = 1, RUC_RESUME = 2, RUC_ABORT = 4, RUC_LOAD_BASE = 6 };

/* PORT (6.3.4). */
enum { PORT_SOFTWARE_RESET = 0, PORT_SELF_TEST = 1, PORT_SELECTIVE_RESET = 2, PORT_DUMP = 3 };
#define PORT_FUNCTION 0x0000000fu
#define SELF_TEST_SIGNATURE 0x82559559u

enum { EE_SK = 1, EE_CS = 2, EE_DI = 4, EE_DO = 8 };

/* MDI Control Register (6.3.7). */
#define MDI_REG_SHIFT 16
#define MDI_PHY_SHIFT 21
#define MDI_OP_WRITE (1u << 26)
#define MDI_OP_READ (1u << 27)
#define MDI_READY (1u << 28)
#define MDI_IE (1u << 29)

enum { GENERAL_STATUS_LINK = 1, GENERAL_STATUS_100 = 2, GENERAL_STATUS_FULL = 4 };

/* Command blocks (6.4): where their fields lie, and their bits. */
enum { CB_STATUS = 0, CB_COMMAND = 2, CB_LINK = 4, CB_OPERAND = 8, CB_HEADER_BYTES = 8 };
#define CB_C 0x8000u
#define CB_OK 0x2000u
#define CB_U 0x1000u /* transmission: the FIFO ran empty */
#define CB_EL 0x8000u
#define CB_S 0x4000u
#define CB_I 0x2000u
#define CB_CID(command) ((command) >> 8 & 0x1f)
#define CB_NC 0x0010u
#define CB_SF 0x0008u
#define CB_CMD(command) ((command)&7)
enum {
    CMD_NOP = 0,
    CMD_IA_SETUP = 1,
    CMD_CONFIGURE = 2,
    CMD_MULTICAST_SETUP = 3,
    CMD_TRANSMIT = 4,
    CMD_LOAD_MICROCODE = 5,
    CMD_DUMP = 6,
    CMD_DIAGNOSE = 7,
};

/* Transmit command block (6.4.2.5) and transmit buffer descriptor. */
enum { TCB_ARRAY = 8, TCB_COUNT = 12, TCB_NUMBER = 15, TCB_BYTES = 16, TBD_BYTES = 8 };
#define TCB_COUNT_MASK 0x3fffu
#define TCB_NUMBER_DYNAMIC 0xffu
#define TBD_SIZE_MASK 0x3fffu
#define TBD_EL 0x00010000u
#define TBDS_IN_TCB 2u /* of an extended TCB */

/* Receive frame descriptor (6.4.3). */
enum { RFD_STATUS = 0, RFD_COMMAND = 2, RFD_LINK = 4, RFD_COUNT = 12, RFD_SIZE = 14, RFD_BYTES = 16 };
#define RFD_STATUS_C 0x8000u
#define RFD_STATUS_OK 0x2000u
#define RFD_STATUS_NO_RESOURCES 0x0200u
#define RFD_STATUS_SHORT 0x0080u
#define RFD_STATUS_NO_IA_MATCH 0x0002u
#define RFD_STATUS_ERRORS 0x0fb0u /* all of them */
#define RFD_COMMAND_EL 0x8000u
#define RFD_COMMAND_S 0x4000u
#define RFD_COMMAND_NOT_SIMPLE 0x0018u /* header, flexible mode */
#define RFD_COUNT_COMPLETE 0xc000u     /* EOF and F */
#define RFD_SIZE_MASK 0x3fffu

/* Configure (6.4.2.3): bytes, and bits of them. */
#define CONFIG_BYTES 22u
#define CONFIG_COUNT_MASK 0x3fu
enum {
    CONFIG6_TCO_COUNTERS = 0x04,
    CONFIG6_CI = 0x08,
    CONFIG6_STANDARD_TCB = 0x10,
    CONFIG6_STANDARD_COUNTERS = 0x20,
    CONFIG7_DISCARD_SHORT = 0x01,
    CONFIG7_DYNAMIC_TBD = 0x80,
    CONFIG10_NO_SOURCE_INSERTION = 0x08,
    CONFIG10_LOOPBACK = 0xc0,
    CONFIG15_PROMISCUOUS = 0x01,
    CONFIG15_NO_BROADCAST = 0x02,
    CONFIG18_PADDING = 0x02,
    CONFIG18_CRC_TRANSFER = 0x04,
    CONFIG18_LONG_OK = 0x08,
    CONFIG20_MULTIPLE_IA = 0x40,
    CONFIG21_MULTICAST_ALL = 0x08,
};
static const uint8_t config_default[CONFIG_BYTES] = {0x16, 0x08, 0x00, 0x00, 0x00, 0x00, 0x32, 0x03,
                                                     0x01, 0x00, 0x2e, 0x00, 0x60, 0x00, 0xf2, 0xc8,
                                                     0x00, 0x40, 0xf2, 0x80, 0x3f, 0x05};

/* Statistical counters (6.3.3), in their order in memory. */
enum counter {
    TX_GOOD,
    TX_MAXIMUM_COLLISIONS,
    TX_LATE_COLLISIONS,
    TX_UNDERRUN,
    TX_LOST_CARRIER,
    TX_DEFERRED,
    TX_SINGLE_COLLISION,
    TX_MULTIPLE_COLLISIONS,
    TX_TOTAL_COLLISIONS,
    RX_GOOD,
    RX_CRC,
    RX_ALIGNMENT,
    RX_RESOURCE,
    RX_OVERRUN,
    RX_COLLISION_DETECT,
    RX_SHORT,
    COUNTERS_STANDARD,
    FC_SENT_PAUSE = COUNTERS_STANDARD,
    FC_RECEIVED_PAUSE,
    FC_RECEIVED_UNSUPPORTED,
    COUNTERS_EXTENDED,
    TCO_FRAMES = COUNTERS_EXTENDED, /* two of 16 bits */
    COUNTERS_TCO,
    COUNTERS = COUNTERS_TCO,
};
#define DUMP_COMPLETE 0x0000a005u
#define DUMP_AND_RESET_COMPLETE 0x0000a007u

/* Dump (6.4.2.7): the manual tells its size and what the first octets are. */
#define DUMP_BYTES 596u

/* The PHY's registers that are the 82555's own. */
enum {
    PHY_82555_STATUS = 16,
    PHY_82555_COUNTERS = 19, /* to 25 */
    PHY_82555_LED = 27,
};
#define PHY_ADDRESS 1u
#define BMCR_DEFAULT (BMCR_ANENABLE | BMCR_SPEED100 | BMCR_FULLDPLX)
#define BMSR_ABILITIES (MII_ABILITIES | BMSR_PREAMBLE_LESS)
#define PHY_82555_STATUS_FULL 0x0001u
#define PHY_82555_STATUS_100 0x0002u

#define FCS_BYTES 4u
#define FRAME_MAX 1518u      /* with FCS, unless long frames are allowed */
#define LONG_FRAME_MAX 2600u /* what the transmit FIFO takes, and the model keeps of any frame */
#define FRAME_MIN 14u        /* a header */
#define UNREAD_MAX 4096u     /* frames in memory that the model keeps book of */
#define CNA_DELAY_UNIT_NS 8000u

struct nic {
    struct nic_card card;
    struct pci_function *function;
    struct dma_device *dma;
    struct fault fault;

    struct window window;
    uint32_t pointer; /* SCB general pointer */
    struct eeprom93c46 eeprom;

    uint8_t stat_ack;
    uint8_t interrupts; /* M and the masks */
    bool line;          /* what the interrupt pin is driven to */
    uint64_t cna_due;   /* MACHINE_NEVER: no CNA interrupt is delayed */

    uint8_t config[CONFIG_BYTES];
    uint8_t address[NIC_MAC_LENGTH];
    uint64_t multicast; /* the hash filter */
    uint32_t counters[COUNTERS];
    uint16_t cb_status; /* that the block being carried out will have */
    uint32_t counters_address;

    enum cu_state cu;
    bool halted; /* it became idle because DMA was refused */
    uint32_t cu_base;
    uint32_t cb;         /* offset of the CB that is carried out, or was last */
    unsigned generation; /* counts resets, so that a command from before does not complete */
    uint8_t tx_data[LONG_FRAME_MAX];

    enum ru_state ru;
    uint32_t ru_base;
    uint32_t rfd; /* offset of the RFD that is next */
    uint8_t rx_data[LONG_FRAME_MAX + FCS_BYTES];
    /* RFDs with frames from the wire that the driver has not given back, as far as is known; oldest first. */
    uint32_t unread[UNREAD_MAX];
    unsigned unread_first, unread_count;

    uint32_t mdi;
    struct mii_phy phy;
};

static bool is_set(const struct nic *nic, unsigned byte, uint8_t bit)
{
    return nic->config[byte] & bit;
}

static void count(struct nic *nic, enum counter counter)
{
    nic->counters[counter]++;
}

/*
 * What a driver may do wrongly, so that the card ignores it or what it does next is not defined. That is a
 * finding, and no more: here the card goes on as a real one is likely to.
 */
static void misuse(const void *object, const char *text)
{
    lockcheck_finding_about(object, "device-misuse", text);
}

/* ---- Interrupts (6.3.1, 6.3.2) ---- */

/* The pin is level-triggered: after a change of causes or masks. The masks lie as their causes do, but for
 * those of software and the MDI, which have none. */
static void update_line(struct nic *nic)
{
    static const uint8_t always = ACK_SWI | ACK_MDI;
    uint8_t masked = nic->interrupts & INTERRUPT_M ? 0xff : nic->interrupts & INTERRUPT_MASKS & ~always;
    bool line = nic->stat_ack & ~masked;

    if (line == nic->line)
        return;
    nic->line = fault_drive_pin(&nic->fault, line);
}

static void raise(struct nic *nic, uint8_t causes)
{
    nic->stat_ack |= causes;
    update_line(nic);
}

/* ---- The PHY ---- */

static bool phy_link(const struct nic *nic)
{
    return nic->card.cable && !(nic->phy.reg[MII_BMCR] & (BMCR_PDOWN | BMCR_ISOLATE));
}

/* The best that both ends offer, 802.3 annex 28B.3. */
static bool phy_100(const struct nic *nic)
{
    if (!(nic->phy.reg[MII_BMCR] & BMCR_ANENABLE))
        return nic->phy.reg[MII_BMCR] & BMCR_SPEED100;
    return nic->phy.reg[MII_ADVERTISE] & (ADVERTISE_100FULL | ADVERTISE_100HALF);
}

static bool phy_full_duplex(const struct nic *nic)
{
    if (!(nic->phy.reg[MII_BMCR] & BMCR_ANENABLE))
        return nic->phy.reg[MII_BMCR] & BMCR_FULLDPLX;
    return nic->phy.reg[MII_ADVERTISE] & (phy_100(nic) ? ADVERTISE_100FULL : ADVERTISE_10FULL);
}

static bool loops_back(const struct nic *nic)
{
    return is_set(nic, 10, CONFIG10_LOOPBACK) || nic->phy.reg[MII_BMCR] & BMCR_LOOPBACK;
}

static void reset_phy(struct nic *nic)
{
    memset(nic->phy.reg, 0, sizeof nic->phy.reg);
    nic->phy.reg[MII_BMCR] = BMCR_DEFAULT;
    nic->phy.reg[MII_BMSR] = BMSR_ABILITIES;
    nic->phy.reg[MII_PHYSID1] = 0x02a8; /* Intel's 82555 */
    nic->phy.reg[MII_PHYSID2] = 0x0150;
    nic->phy.reg[MII_ADVERTISE] = MII_OFFER;
}

static uint16_t read_phy(struct nic *nic, unsigned index)
{
    switch (index) {
    case PHY_82555_STATUS:
        return (uint16_t)((phy_full_duplex(nic) ? PHY_82555_STATUS_FULL : 0) |
                          (phy_100(nic) ? PHY_82555_STATUS_100 : 0));
    default:
        return mii_read(&nic->phy, index, phy_link(nic));
    }
}

static void write_phy(struct nic *nic, unsigned index, uint16_t word)
{
    switch (index) {
    case MII_BMCR:
        if (word & BMCR_RESET)
            reset_phy(nic);
        else
            nic->phy.reg[MII_BMCR] = (uint16_t)(word & ~BMCR_ANRESTART);
        if (!phy_link(nic) || word & (BMCR_RESET | BMCR_ANRESTART))
            nic->phy.link_was_lost = true;
        break;
    case MII_ADVERTISE:
    case PHY_82555_LED:
        nic->phy.reg[index] = word;
        break;
    default:
        break; /* read only, or not there */
    }
}

/* ---- The receive unit (6.4.3, 6.5) ---- */

static void leave_ready(struct nic *nic, enum ru_state state)
{
    nic->ru = state;
    nic->stat_ack |= ACK_RNR;
}

static uint32_t oldest_unread(const struct nic *nic)
{
    return nic->unread[nic->unread_first];
}

static void forget_oldest(struct nic *nic)
{
    nic->unread_first = (nic->unread_first + 1) % UNREAD_MAX;
    nic->unread_count--;
}

/* Whether the frame in an RFD is still there. The driver may have taken the memory away. */
static bool is_unread(struct nic *nic, uint32_t address)
{
    uint8_t status[2];

    return dma_peek(nic->dma, address + RFD_STATUS, status, sizeof status) &&
           get_le(status, 2) & RFD_STATUS_C;
}

/* Make room for one more frame, at this RFD, in the book of unread ones. */
static bool has_unread_room(struct nic *nic, uint32_t address)
{
    while (nic->unread_count > 0 && (oldest_unread(nic) == address || !is_unread(nic, oldest_unread(nic))))
        forget_oldest(nic);
    return nic->unread_count < UNREAD_MAX;
}

/* What the driver has not read is lost. */
static void drop_unread(struct nic *nic)
{
    for (; nic->unread_count > 0; forget_oldest(nic))
        if (is_unread(nic, oldest_unread(nic)))
            account_frame_dropped(ACCOUNT_DROP_NIC);
}

/* One of 64 bits of the hash filter: by bits 2 to 7 of the address's CRC. */
static unsigned hash(const uint8_t *address)
{
    return ~(uint32_t)crc32(0, address, NIC_MAC_LENGTH) >> 2 & 63;
}

static bool is_own(const struct nic *nic, const uint8_t *frame)
{
    return memcmp(frame, nic->address, NIC_MAC_LENGTH) == 0;
}

static bool passes_filter(const struct nic *nic, const uint8_t *frame)
{
    if (is_set(nic, 15, CONFIG15_PROMISCUOUS))
        return true;
    if (is_broadcast(frame))
        return !is_set(nic, 15, CONFIG15_NO_BROADCAST);
    if (!(frame[0] & 1) && !is_set(nic, 20, CONFIG20_MULTIPLE_IA))
        return is_own(nic, frame);
    return is_own(nic, frame) || nic->multicast >> hash(frame) & 1 ||
           (frame[0] & 1 && is_set(nic, 21, CONFIG21_MULTICAST_ALL));
}

/* Write frame and status to an RFD. Returns whether it is in memory. */
static bool fill_rfd(struct nic *nic, uint32_t address, unsigned size, uint16_t status, size_t octets)
{
    size_t stored = octets < size ? octets : size;
    uint8_t field[2];

    if (stored && !dma_write(nic->dma, address + RFD_BYTES, nic->rx_data, stored, &nic->rfd))
        return false;
    put_le(field, 2, (uint32_t)stored | RFD_COUNT_COMPLETE);
    if (!dma_write(nic->dma, address + RFD_COUNT, field, 2, &nic->rfd))
        return false;
    put_le(field, 2, status);
    return dma_write(nic->dma, address + RFD_STATUS, field, 2, &nic->rfd);
}

static bool read_rfd_field(struct nic *nic, uint32_t address, uint8_t rfd[RFD_BYTES], unsigned field,
                           size_t size)
{
    return dma_read(nic->dma, address + field, rfd + field, size, &nic->rfd);
}

/*
 * Fetch an RFD. The driver may be about to move the end of the list on: it takes EL away, and then gives the
 * RFD its size back. The bus has both at one moment; so the command must still be there when the size has
 * been read.
 */
static bool fetch_rfd(struct nic *nic, uint32_t address, uint8_t rfd[RFD_BYTES])
{
    uint32_t command;

    do {
        if (!read_rfd_field(nic, address, rfd, RFD_COMMAND, 2))
            return false;
        command = get_le(rfd + RFD_COMMAND, 2);
        if (!read_rfd_field(nic, address, rfd, RFD_SIZE, 2) ||
            !read_rfd_field(nic, address, rfd, RFD_COMMAND, 2))
            return false;
    } while (get_le(rfd + RFD_COMMAND, 2) != command);
    return read_rfd_field(nic, address, rfd, RFD_LINK, 4);
}

/* Read the RFD whose turn it is. Returns false when it takes no frame. */
static bool read_rfd(struct nic *nic, uint32_t address, uint8_t rfd[RFD_BYTES])
{
    uint32_t command;

    if (!fetch_rfd(nic, address, rfd)) {
        leave_ready(nic, RU_IDLE);
        return false;
    }
    command = get_le(rfd + RFD_COMMAND, 2);
    if (command & RFD_COMMAND_NOT_SIMPLE) {
        misuse(&nic->rfd,
               "the driver gives 82559 a receive frame descriptor of a mode that the model has not got");
        nic->ru = RU_IDLE;
        return false;
    }
    if (command & RFD_COMMAND_EL && !(get_le(rfd + RFD_SIZE, 2) & RFD_SIZE_MASK)) {
        /* an end of the list that is none for frames */
        count(nic, RX_RESOURCE);
        leave_ready(nic, RU_NO_RESOURCES);
        return false;
    }
    return true;
}

/* Put the frame, as it is to be written, into rx_data. Returns its octets. */
static size_t prepare(struct nic *nic, const uint8_t *frame, size_t length)
{
    memcpy(nic->rx_data, frame, length);
    if (!is_set(nic, 18, CONFIG18_CRC_TRANSFER))
        return length;
    put_le(nic->rx_data + length, FCS_BYTES, (uint32_t)crc32(0, frame, (unsigned)length));
    return length + FCS_BYTES;
}

static uint16_t rfd_status(const struct nic *nic, const uint8_t *frame, size_t length, bool whole,
                           bool corrupted)
{
    unsigned match = is_own(nic, frame) ? 0 : RFD_STATUS_NO_IA_MATCH;
    unsigned verdict = corrupted                   ? RFD_STATUS_ERRORS
                       : !whole                    ? RFD_STATUS_NO_RESOURCES
                       : length < REPLAY_FRAME_MIN ? RFD_STATUS_SHORT
                                                   : RFD_STATUS_OK;

    return (uint16_t)(RFD_STATUS_C | match | verdict);
}

/* Simplified memory mode (6.4.3.1): the frame goes behind its RFD. counted: it comes from the wire. */
static enum wire_outcome store_frame(struct nic *nic, const uint8_t *frame, size_t length, bool counted)
{
    bool corrupted = counted && fault_receiving(&nic->fault);
    uint32_t address = nic->ru_base + nic->rfd, size, command;
    uint8_t rfd[RFD_BYTES];
    size_t octets;
    bool whole;

    if (!has_unread_room(nic, address)) {
        count(nic, RX_OVERRUN);
        return WIRE_MISSED;
    }
    if (!read_rfd(nic, address, rfd))
        return WIRE_MISSED;
    command = get_le(rfd + RFD_COMMAND, 2);
    size = get_le(rfd + RFD_SIZE, 2) & RFD_SIZE_MASK;
    octets = prepare(nic, frame, length);
    whole = octets <= size;
    counted = counted && whole && !corrupted;
    if (counted)
        account_frame_accepted(); /* before the driver can see it */
    if (!fill_rfd(nic, address, size, rfd_status(nic, frame, length, whole, corrupted), octets)) {
        if (counted)
            account_frame_dropped(ACCOUNT_DROP_NIC);
        leave_ready(nic, RU_IDLE);
        return counted ? WIRE_ACCEPTED : WIRE_MISSED;
    }
    if (counted)
        nic->unread[(nic->unread_first + nic->unread_count++) % UNREAD_MAX] = address;
    count(nic, corrupted ? RX_CRC : whole ? RX_GOOD : RX_RESOURCE);
    nic->stat_ack |= ACK_FR;
    if (command & RFD_COMMAND_EL)
        leave_ready(nic, RU_NO_RESOURCES);
    else if (command & RFD_COMMAND_S)
        leave_ready(nic, RU_SUSPENDED);
    nic->rfd = get_le(rfd + RFD_LINK, 4);
    return whole && !corrupted ? WIRE_ACCEPTED : WIRE_MISSED;
}

static enum wire_outcome receive_locked(struct nic *nic, const uint8_t *frame, size_t length, bool counted)
{
    enum wire_outcome outcome;

    if (nic->ru == RU_IDLE || !passes_filter(nic, frame))
        return WIRE_FILTERED;
    if (length < REPLAY_FRAME_MIN) {
        count(nic, RX_SHORT);
        if (is_set(nic, 7, CONFIG7_DISCARD_SHORT))
            return WIRE_FILTERED;
    }
    if (length + FCS_BYTES > (is_set(nic, 18, CONFIG18_LONG_OK) ? LONG_FRAME_MAX : FRAME_MAX))
        return WIRE_FILTERED;
    if (nic->ru != RU_READY) {
        count(nic, RX_RESOURCE);
        return WIRE_MISSED;
    }
    outcome = store_frame(nic, frame, length, counted);
    update_line(nic);
    return outcome;
}

static enum wire_outcome receive(void *opaque, const uint8_t *frame, size_t length)
{
    struct nic *nic = opaque;
    enum wire_outcome outcome = WIRE_FILTERED;

    assert(length >= 2 * NIC_MAC_LENGTH);
    pthread_mutex_lock(&nic->card.lock);
    if (phy_link(nic) && !loops_back(nic) && !nic->fault.removed)
        outcome = receive_locked(nic, frame, length, true);
    pthread_mutex_unlock(&nic->card.lock);
    return outcome;
}

static void start_ru(struct nic *nic, uint32_t rfd)
{
    if (nic->ru == RU_READY)
        misuse(&nic->rfd, "the driver starts 82559's receive unit, which is ready already");
    lockcheck_event(LOCKCHECK_HAND_OVER, &nic->rfd, 0);
    nic->rfd = rfd;
    nic->ru = RU_READY;
}

static void run_ruc(struct nic *nic, unsigned command)
{
    switch (command) {
    case RUC_START:
        start_ru(nic, nic->pointer);
        break;
    case RUC_RESUME:
        if (nic->ru == RU_SUSPENDED)
            start_ru(nic, nic->rfd);
        break;
    case RUC_ABORT:
        nic->ru = RU_IDLE;
        break;
    case RUC_LOAD_BASE:
        if (nic->ru == RU_READY)
            misuse(&nic->rfd, "the driver changes the base address of 82559's receive unit, which is ready");
        nic->ru_base = nic->pointer;
        break;
    default:
        break;
    }
}

/* ---- The command unit (6.4.2, 6.6) ---- */

/* Add one buffer to the frame. Returns false when it does not fit, or DMA was refused. */
static bool fetch(struct nic *nic, uint32_t address, size_t octets, size_t *length)
{
    if (octets > LONG_FRAME_MAX - *length) {
        misuse(&nic->cb, "the driver has handed over a frame that is too long for 82559");
        return false;
    }
    if (octets && !dma_read(nic->dma, address, nic->tx_data + *length, octets, &nic->cb))
        return false;
    *length += octets;
    return true;
}

/* Flexible mode: buffers of a list, of which the first two may lie in the TCB itself. */
static bool gather(struct nic *nic, uint32_t tcb, const uint8_t header[TCB_BYTES], size_t *length)
{
    bool extended = !is_set(nic, 6, CONFIG6_STANDARD_TCB);
    bool dynamic = is_set(nic, 7, CONFIG7_DYNAMIC_TBD) && header[TCB_NUMBER] == TCB_NUMBER_DYNAMIC;
    uint32_t array = get_le(header + TCB_ARRAY, 4);

    for (unsigned i = 0; dynamic || i < header[TCB_NUMBER]; i++) {
        bool inside = extended && i < TBDS_IN_TCB;
        uint32_t at =
            inside ? tcb + TCB_BYTES + i * TBD_BYTES : array + (i - (extended ? TBDS_IN_TCB : 0)) * TBD_BYTES;
        uint8_t tbd[TBD_BYTES];

        if (!dma_read(nic->dma, at, tbd, sizeof tbd, &nic->cb) ||
            !fetch(nic, get_le(tbd, 4), get_le(tbd + 4, 4) & TBD_SIZE_MASK, length))
            return false;
        if (dynamic && get_le(tbd + 4, 4) & TBD_EL)
            break;
    }
    return true;
}

/* The frame leaves: to the wire, or comes back. Called with the lock held, which is dropped meanwhile. */
static void send_frame(struct nic *nic, size_t length)
{
    struct wire *wire = phy_link(nic) ? nic->card.wire : NULL;

    if (fault_leaving(&nic->fault)) {
        count(nic, TX_UNDERRUN);
        nic->cb_status |= CB_U;
        return;
    }
    count(nic, TX_GOOD);
    if (loops_back(nic)) {
        receive_locked(nic, nic->tx_data, length, false);
    } else if (wire) {
        pthread_mutex_unlock(&nic->card.lock);
        wire_transmit(wire, nic->tx_data, length);
        pthread_mutex_lock(&nic->card.lock);
    } else {
        count(nic, TX_LOST_CARRIER);
    }
}

/* Transmit (6.4.2.5). Returns false when DMA was refused, or there is nothing that can be sent. */
static bool transmit(struct nic *nic, uint32_t address, uint32_t command)
{
    uint8_t header[TCB_BYTES];
    size_t length = 0;
    bool extended = !is_set(nic, 6, CONFIG6_STANDARD_TCB);

    /* Of the rest it knows all that it needs, and the driver may be about to change it. */
    if (!dma_read(nic->dma, address + CB_HEADER_BYTES, header + CB_HEADER_BYTES, TCB_BYTES - CB_HEADER_BYTES,
                  &nic->cb))
        return false;
    if (!(command & CB_SF) || !extended) {
        uint32_t immediate = get_le(header + TCB_COUNT, 2) & TCB_COUNT_MASK;

        if (!fetch(nic, address + TCB_BYTES, immediate, &length))
            return false;
    }
    if (command & CB_SF && !gather(nic, address, header, &length))
        return false;
    if (length < FRAME_MIN) {
        misuse(&nic->cb, "the driver has handed over a frame that is too short for 82559");
        return false;
    }
    /* No CRC and source address insertion: the driver has made both; the wire makes the former itself. */
    if (command & CB_NC && length > FRAME_MIN + FCS_BYTES)
        length -= FCS_BYTES;
    if (!(command & CB_NC) && !is_set(nic, 10, CONFIG10_NO_SOURCE_INSERTION))
        memcpy(nic->tx_data + NIC_MAC_LENGTH, nic->address, NIC_MAC_LENGTH);
    if (is_set(nic, 18, CONFIG18_PADDING) && length < REPLAY_FRAME_MIN) {
        memset(nic->tx_data + length, 0x7e, REPLAY_FRAME_MIN - length);
        length = REPLAY_FRAME_MIN;
    }
    send_frame(nic, length);
    return true;
}

/* Configure: as many bytes as the first one says. */
static bool configure(struct nic *nic, uint32_t operand)
{
    uint8_t bytes[CONFIG_BYTES];
    unsigned size;

    if (!dma_read(nic->dma, operand, bytes, 1, &nic->cb))
        return false;
    size = bytes[0] & CONFIG_COUNT_MASK;
    if (size > CONFIG_BYTES)
        size = CONFIG_BYTES;
    if (!dma_read(nic->dma, operand, bytes, size, &nic->cb))
        return false;
    memcpy(nic->config, bytes, size);
    return true;
}

/* Multicast Setup: a count of octets and the addresses. */
static bool set_multicast(struct nic *nic, uint32_t operand)
{
    uint8_t field[NIC_MAC_LENGTH];
    uint64_t filter = 0;

    if (!dma_read(nic->dma, operand, field, 2, &nic->cb))
        return false;
    for (unsigned left = (get_le(field, 2) & TCB_COUNT_MASK) / NIC_MAC_LENGTH, at = 2; left > 0;
         left--, at += NIC_MAC_LENGTH) {
        if (!dma_read(nic->dma, operand + at, field, NIC_MAC_LENGTH, &nic->cb))
            return false;
        filter |= (uint64_t)1 << hash(field);
    }
    nic->multicast = filter;
    return true;
}

/* Configuration, address, and the hash filter; of the rest the manual says no more than how much it is. */
static bool dump(struct nic *nic, uint32_t address)
{
    uint8_t image[DUMP_BYTES] = {0};

    memcpy(image, nic->config, CONFIG_BYTES);
    memcpy(image + CONFIG_BYTES, nic->address, NIC_MAC_LENGTH);
    put_le(image + CONFIG_BYTES + NIC_MAC_LENGTH, 4, (uint32_t)nic->multicast);
    put_le(image + CONFIG_BYTES + NIC_MAC_LENGTH + 4, 4, (uint32_t)(nic->multicast >> 32));
    return dma_write(nic->dma, address, image, sizeof image, &nic->cb);
}

/* Dump, by its command block, which has the buffer's address. */
static bool dump_to(struct nic *nic, uint32_t operand)
{
    uint8_t field[4];

    return dma_read(nic->dma, operand, field, sizeof field, &nic->cb) && dump(nic, get_le(field, 4));
}

/* One command block. Returns false when the CU has to stop. */
static bool carry_out(struct nic *nic, uint32_t address, uint32_t command)
{
    uint32_t operand = address + CB_OPERAND;

    switch (CB_CMD(command)) {
    case CMD_IA_SETUP:
        return dma_read(nic->dma, operand, nic->address, NIC_MAC_LENGTH, &nic->cb);
    case CMD_CONFIGURE:
        return configure(nic, operand);
    case CMD_MULTICAST_SETUP:
        return set_multicast(nic, operand);
    case CMD_TRANSMIT:
        return transmit(nic, address, command);
    case CMD_DUMP:
        return dump_to(nic, operand);
    default: /* nothing to do: NOP; microcode, which is not carried out; a diagnosis, which finds nothing */
        return true;
    }
}

/* The CU has come to the end of a block that suspends it or ends the list: interrupt, at once or delayed. */
static void leave_active(struct nic *nic, enum cu_state state, uint32_t command)
{
    unsigned delay = CB_CMD(command) == CMD_TRANSMIT ? CB_CID(command) : 0;

    nic->cu = state;
    if (state == CU_SUSPENDED && is_set(nic, 6, CONFIG6_CI))
        return;
    if (delay)
        nic->cna_due = machine_now_ns() + (uint64_t)delay * CNA_DELAY_UNIT_NS;
    else
        nic->stat_ack |= ACK_CNA;
}

/* A block could not be read, carried out, or told to be done. */
static void halt_cu(struct nic *nic)
{
    nic->cu = CU_IDLE;
    nic->halted = true;
}

/* After a block: what its suspend and end-of-list bits say now, and where the next one is. */
static bool read_header(struct nic *nic, uint8_t header[CB_HEADER_BYTES])
{
    if (dma_read(nic->dma, nic->cu_base + nic->cb, header, CB_HEADER_BYTES, &nic->cb))
        return true;
    halt_cu(nic);
    return false;
}

/* Carry out the block whose turn it is. Called with the lock held. */
static void run_cu(struct nic *nic)
{
    uint32_t address = nic->cu_base + nic->cb;
    unsigned generation = nic->generation;
    uint8_t header[CB_HEADER_BYTES], status[2];
    uint32_t command;
    bool done;

    if (!read_header(nic, header))
        return;
    command = get_le(header + CB_COMMAND, 2);
    if (CB_CMD(command) == CMD_TRANSMIT && fault_sending(&nic->fault))
        return;
    nic->cb_status = CB_C | CB_OK;
    done = carry_out(nic, address, command);
    if (generation != nic->generation)
        return; /* reset meanwhile: nobody waits for it */
    put_le(status, 2, nic->cb_status);
    if (!done || !dma_write(nic->dma, address + CB_STATUS, status, sizeof status, &nic->cb)) {
        halt_cu(nic);
        return;
    }
    if (!read_header(nic, header))
        return;
    command = get_le(header + CB_COMMAND, 2);
    if (command & CB_I)
        nic->stat_ack |= ACK_CX;
    if (command & CB_EL)
        leave_active(nic, CU_IDLE, command);
    else if (command & CB_S)
        leave_active(nic, CU_SUSPENDED, command);
    else
        nic->cb = get_le(header + CB_LINK, 4);
    update_line(nic);
}

static void start_cu(struct nic *nic, uint32_t cb)
{
    nic->cb = cb;
    nic->cu = CU_ACTIVE;
    nic->halted = false;
    nic->cna_due = MACHINE_NEVER;
    nic_card_wake(&nic->card);
}

/* The block that suspended the CU may still say so: then it was resumed for an earlier one. */
static void resume_cu(struct nic *nic)
{
    uint8_t header[CB_HEADER_BYTES];

    lockcheck_event(LOCKCHECK_HAND_OVER, &nic->cb, 0);
    if (nic->cu == CU_IDLE && !nic->halted)
        misuse(&nic->cb, "the driver resumes 82559's command unit, which is idle and ignores that");
    if (nic->cu == CU_SUSPENDED && read_header(nic, header) && !(get_le(header + CB_COMMAND, 2) & CB_S))
        start_cu(nic, get_le(header + CB_LINK, 4));
}

/* As many counters as the configuration asks for, and behind them a mark. */
static void dump_counters(struct nic *nic, uint32_t mark)
{
    unsigned number = is_set(nic, 6, CONFIG6_TCO_COUNTERS)        ? COUNTERS_TCO
                      : is_set(nic, 6, CONFIG6_STANDARD_COUNTERS) ? COUNTERS_STANDARD
                                                                  : COUNTERS_EXTENDED;
    uint8_t image[4 * (COUNTERS + 1)];

    for (unsigned i = 0; i < number; i++)
        put_le(image + 4 * i, 4, nic->counters[i]);
    put_le(image + 4 * number, 4, mark);
    dma_write(nic->dma, nic->counters_address, image, 4 * (number + 1), &nic->counters_address);
}

static void run_cuc(struct nic *nic, unsigned command)
{
    switch (command) {
    case CUC_START:
        if (nic->cu == CU_ACTIVE)
            misuse(&nic->cb, "the driver starts 82559's command unit, which is active already");
        lockcheck_event(LOCKCHECK_HAND_OVER, &nic->cb, 0);
        start_cu(nic, nic->pointer);
        break;
    case CUC_RESUME:
    case CUC_STATIC_RESUME:
        resume_cu(nic);
        break;
    case CUC_LOAD_COUNTERS_ADDRESS:
        lockcheck_event(LOCKCHECK_HAND_OVER, &nic->counters_address, 0);
        nic->counters_address = nic->pointer;
        break;
    case CUC_DUMP_COUNTERS:
        dump_counters(nic, DUMP_COMPLETE);
        break;
    case CUC_DUMP_AND_RESET_COUNTERS:
        dump_counters(nic, DUMP_AND_RESET_COMPLETE);
        memset(nic->counters, 0, sizeof nic->counters);
        break;
    case CUC_LOAD_BASE:
        if (nic->cu == CU_ACTIVE)
            misuse(&nic->cb, "the driver changes the base address of 82559's command unit, which is active");
        nic->cu_base = nic->pointer;
        break;
    default:
        break;
    }
}

static void *work(void *opaque)
{
    struct nic *nic = opaque;

    pthread_setname_np(pthread_self(), "nic");
    pthread_mutex_lock(&nic->card.lock);
    while (nic->card.powered) {
        if (nic->cna_due != MACHINE_NEVER && nic->cna_due <= machine_now_ns()) {
            nic->cna_due = MACHINE_NEVER;
            raise(nic, ACK_CNA);
        } else if (nic->cu == CU_ACTIVE && !nic->fault.stuck) {
            run_cu(nic);
        } else {
            nic_card_wait(&nic->card, nic->cna_due);
        }
    }
    pthread_mutex_unlock(&nic->card.lock);
    return NULL;
}

/* ---- Registers, with the lock held ---- */

/* Selective reset: both units become idle, and keep their configuration. */
static void selective_reset(struct nic *nic)
{
    fault_reset(&nic->fault);
    drop_unread(nic);
    nic->cu = CU_IDLE;
    nic->halted = false;
    nic->ru = RU_IDLE;
    nic->cna_due = MACHINE_NEVER;
    nic->generation++;
    lockcheck_event(LOCKCHECK_HAND_OVER, &nic->cb, 0);
    lockcheck_event(LOCKCHECK_HAND_OVER, &nic->rfd, 0);
}

/* Software reset: as after power-on, but for the PCI configuration and the PHY. Interrupts are not masked. */
static void software_reset(struct nic *nic)
{
    selective_reset(nic);
    memset(nic->window.stored, 0, sizeof nic->window.stored);
    memset(nic->counters, 0, sizeof nic->counters);
    memset(nic->address, 0, sizeof nic->address);
    memcpy(nic->config, config_default, sizeof nic->config);
    nic->multicast = 0;
    nic->cu_base = nic->ru_base = nic->counters_address = nic->pointer = 0;
    nic->mdi = MDI_READY;
    nic->stat_ack = 0;
    nic->interrupts = 0;
    update_line(nic);
}

/* Self-test: a signature and the results, of which none is bad; then a software reset. */
static void self_test(struct nic *nic, uint32_t address)
{
    uint8_t results[8];

    put_le(results, 4, SELF_TEST_SIGNATURE);
    put_le(results + 4, 4, 0);
    dma_write(nic->dma, address, results, sizeof results, NULL);
    software_reset(nic);
}

static uint32_t read_status(struct nic *nic, unsigned index)
{
    (void)index;
    return (uint32_t)nic->cu << STATUS_CUS_SHIFT | (uint32_t)nic->ru << STATUS_RUS_SHIFT;
}

static uint32_t read_stat_ack(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->stat_ack;
}

/* Ones clear. */
static void write_stat_ack(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    nic->stat_ack &= (uint8_t)~value;
    update_line(nic);
}

/* Commands are accepted at once, so the register always reads 0. */
static void write_command(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    run_cuc(nic, CUC(value));
    run_ruc(nic, RUC(value));
}

static uint32_t read_interrupts(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->interrupts;
}

static void write_interrupts(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    nic->interrupts = value & (INTERRUPT_M | INTERRUPT_MASKS);
    if (value & INTERRUPT_SI)
        nic->stat_ack |= ACK_SWI;
    update_line(nic);
}

static uint32_t read_pointer(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->pointer;
}

static void write_pointer(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    nic->pointer = (nic->pointer & ~mask) | value;
}

/* Only as a double word: its parts would each be a command. */
static void write_port(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    uint32_t address = value & ~PORT_FUNCTION;

    (void)index;
    if (mask != UINT32_MAX)
        return;
    switch (value & PORT_FUNCTION) {
    case PORT_SOFTWARE_RESET:
        software_reset(nic);
        break;
    case PORT_SELF_TEST:
        self_test(nic, address);
        break;
    case PORT_SELECTIVE_RESET:
        selective_reset(nic);
        break;
    case PORT_DUMP:
        dump(nic, address);
        break;
    default:
        break;
    }
}

static uint32_t read_eeprom(struct nic *nic, unsigned index)
{
    (void)index;
    return (nic->window.stored[EEPROM_CONTROL] & ~(unsigned)EE_DO) |
           (eeprom93c46_output(&nic->eeprom) ? EE_DO : 0);
}

static void write_eeprom(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    (void)index;
    (void)mask;
    nic->window.stored[EEPROM_CONTROL] = value & (EE_SK | EE_CS | EE_DI);
    eeprom93c46_drive(&nic->eeprom, value & EE_CS, value & EE_SK, value & EE_DI);
}

static uint32_t read_mdi(struct nic *nic, unsigned index)
{
    (void)index;
    return nic->mdi;
}

/* Done at once. There is one PHY; the data lines of others are pulled up. */
static void write_mdi(struct nic *nic, unsigned index, uint32_t value, uint32_t mask)
{
    uint32_t word = ((nic->mdi & ~mask) | value) | MDI_READY;
    unsigned phy_register = word >> MDI_REG_SHIFT & 31;
    bool present = (word >> MDI_PHY_SHIFT & 31) == PHY_ADDRESS;

    (void)index;
    if (word & MDI_OP_READ)
        word = (word & 0xffff0000) | (present ? read_phy(nic, phy_register) : 0xffff);
    else if (word & MDI_OP_WRITE && present)
        write_phy(nic, phy_register, (uint16_t)word);
    nic->mdi = word;
    if (word & MDI_IE)
        raise(nic, ACK_MDI);
}

static uint32_t read_general_status(struct nic *nic, unsigned index)
{
    (void)index;
    return (phy_link(nic) ? GENERAL_STATUS_LINK : 0u) | (phy_100(nic) ? GENERAL_STATUS_100 : 0u) |
           (phy_full_duplex(nic) ? GENERAL_STATUS_FULL : 0u);
}

static const struct window_row registers[] = {
    {SCB_STATUS, 1, 1, read_status, window_ignore},
    {SCB_STAT_ACK, 1, 1, read_stat_ack, write_stat_ack},
    {SCB_COMMAND, 1, 1, window_zero, write_command},
    {SCB_INTERRUPTS, 1, 1, read_interrupts, write_interrupts},
    {SCB_POINTER, 4, 1, read_pointer, write_pointer},
    {PORT, 4, 1, window_zero, write_port},
    {FLASH_CONTROL, 2, 1, NULL, NULL},
    {EEPROM_CONTROL, 1, 1, read_eeprom, write_eeprom},
    {MDI_CONTROL, 4, 1, read_mdi, write_mdi},
    {RX_DMA_COUNT, 4, 1, window_zero, window_ignore},
    {EARLY_RX, 1, 1, NULL, NULL},
    {FLOW_CONTROL, 2, 1, NULL, NULL},
    {PMDR, 1, 1, window_zero, window_ignore},
    {GENERAL_CONTROL, 1, 1, NULL, NULL},
    {GENERAL_STATUS, 1, 1, read_general_status, window_ignore},
};

/* Memory and I/O: both show the same registers. */
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

/* Contents of the EEPROM (5, table 17), by word. */
static void fill_eeprom(struct eeprom93c46 *eeprom, const uint8_t *mac)
{
    memset(eeprom->words, 0, sizeof eeprom->words);
    for (unsigned i = 0; i < NIC_MAC_LENGTH / 2; i++)
        eeprom->words[i] = (uint16_t)get_le(mac + 2 * i, 2);
    eeprom->words[0x03] = 0x0203; /* compatibility */
    eeprom->words[0x05] = 0x0201; /* controller 82559, connector RJ-45 */
    eeprom->words[0x06] = 0x4701; /* primary PHY: an 82555, at address 1 */
    eeprom->words[0x0a] = 0x40c0; /* EEPROM ID: valid; standby, no wake-up */
    eeprom->words[0x0b] = 0x000c; /* subsystem: PRO/100+ */
    eeprom->words[0x0c] = 0x8086;
    eeprom93c46_seal(eeprom, 0xbaba);
    eeprom93c46_power_on(eeprom);
}

/* The reset signal. */
static void reset(void *device)
{
    struct nic *nic = device;

    pthread_mutex_lock(&nic->card.lock);
    reset_phy(nic);
    software_reset(nic);
    pthread_mutex_unlock(&nic->card.lock);
}

static void plug_into_bus(struct nic *nic, const struct nic_config *config)
{
    static const struct pci_function_ops ops = {.read = read_bar, .write = write_bar, .reset = reset};
    /* Power Management: version 2; D1, D2; no wake-up in any state. */
    static const uint8_t power_body[] = {0x02, 0x06, 0x00, 0x00, 0x00, 0x00};
    static const uint8_t power_writable[] = {0x00, 0x00, 0x03, 0x01, 0x00, 0x00};
    const struct pci_function_description description = {
        .name = "82559",
        .vendor_id = 0x8086,
        .device_id = 0x1229,
        .subsystem_vendor_id = nic->eeprom.words[0x0c],
        .subsystem_id = nic->eeprom.words[0x0b],
        .revision = 8,
        .bars = {[MEMORY_BAR] = {.kind = PCI_BAR_MEMORY, .size = MEMORY_BYTES},
                 [IO_BAR] = {.kind = PCI_BAR_IO, .size = CSR_BYTES}},
        .ops = &ops,
        .device = nic,
    };

    nic->function = nic_plug_into_bus(config, &description);
    pci_function_add_capability(nic->function, 0xdc, 1, power_body, power_writable, sizeof power_body);
    nic->dma = pci_function_dma(nic->function);
    fault_init(&nic->fault, &config->fault, nic->function);
}

static void make_waitable(struct nic *nic, const struct nic_config *config)
{
    nic_card_init(&nic->card, config, "82559 lock", "82559 work");
    lockcheck_name_object(&nic->cb, "ring", "command block list");
    lockcheck_name_object(&nic->rfd, "ring", "receive frame area");
    lockcheck_name_object(&nic->counters_address, "ring", "statistical counters");
}

static struct nic *create(const struct nic_config *config)
{
    struct nic *nic = calloc(1, sizeof *nic);

    if (!nic)
        return NULL;
    window_init(&nic->window, registers, sizeof registers / sizeof registers[0], nic, &nic->card);
    make_waitable(nic, config);
    fill_eeprom(&nic->eeprom, config->mac);
    reset_phy(nic);
    software_reset(nic); /* as at power-on; nothing is driven and no list is there, so the bus is not used */
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
    if (!plugged)
        nic->phy.link_was_lost = true;
    pthread_mutex_unlock(&nic->card.lock);
}

static void power_off(struct nic *nic)
{
    pthread_mutex_lock(&nic->card.lock);
    software_reset(nic);
    nic_card_power_off(&nic->card);
}

const struct nic_model nic_82559 = {
    .name = "82559",
    .driver = "e100",
    .description = "Intel 82559 fast Ethernet, PCI 8086:1229",
    .create = create,
    .receive = receive,
    .set_cable = set_cable,
    .power_off = power_off,
};
