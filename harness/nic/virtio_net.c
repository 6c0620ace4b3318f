/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The virtio network device. After "Virtual I/O Device (VIRTIO) Version 1.1" (OASIS, 2019), section 5.1; what
 * it has in common with other devices is in virtio_pci.c and virtqueue.c.
 *
 * Two models: a transitional device, which has both interfaces, and a legacy one.
 *
 * Where the specification leaves it to the device, this is what the model does.
 *
 * A frame that comes when there are not enough buffers for it is missed. One that the IOMMU refuses to write
 * is lost; its buffers are given back as empty. Frames are checked as they come in: with
 * VIRTIO_NET_F_GUEST_CSUM a right checksum is said to be right, a wrong one is not mentioned. Received frames
 * are never merged or left without a checksum.
 *
 * There are no bits for errors in what the device writes. A descriptor that a fault corrupts (fault.h) is the
 * used ring's element, which then names a buffer that the queue has not got.
 *
 * A reset loses the frames that the driver has not read. Whether it has read one shows at the IOMMU: a driver
 * takes the mapping of a buffer back before it looks at it.
 *
 * Commands of the control queue are carried out at once, in the thread that notifies: a driver may wait for
 * them without sleeping. Frames are sent by a thread of the model's own, "nic", one from each queue in turn;
 * without a link they are lost.
 *
 * With several pairs of queues frames are received by the pair that the driver has sent the flow's last frame
 * by, or while there is none by one that the flow's addresses and ports choose. A flow changes its pair only
 * when the driver has read all that came by the old one, so that no frame overtakes another of its flow.
 *
 * Left out: receive-side scaling by the driver's choice, gratuitous announcement, standby, UDP
 * fragmentation, notification coalescing, and the time that a frame takes.
 *
 * Threads: registers are accessed by the driver's threads, frames arrive in the wire's. All state is behind
 * one mutex, and every DMA access is made with it held: after a reset none is under way.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <lockcheck.h>

#include "harness/machine/dma.h"
#include "harness/machine/machine.h"
#include "harness/machine/pci.h"
#include "harness/nic/nic.h"
#include "harness/nic/octets.h"
#include "harness/nic/offload.h"
#include "harness/nic/virtio_pci.h"
#include "harness/wire/account.h"
#include "replay/flow.h"

#define TYPE_NETWORK 1u

/* Virtqueues (5.1.2): receive and transmit queues in turn, then the control queue. */
enum { RECEIVE_QUEUE, TRANSMIT_QUEUE, PAIR };
#define PAIRS_MAX 4u
#define FLOWS 256u /* whose pairs are remembered; by hash, so several may share a place */
#define RING_ENTRIES 256u
#define CONTROL_ENTRIES 64u
#define NO_BUFFER 0xffffu /* names none of any queue's */

/* Feature bits (5.1.3). */
enum {
    F_CSUM = 0,
    F_GUEST_CSUM = 1,
    F_CTRL_GUEST_OFFLOADS = 2,
    F_MAC = 5,
    F_HOST_TSO4 = 11,
    F_HOST_TSO6 = 12,
    F_MRG_RXBUF = 15,
    F_STATUS = 16,
    F_CTRL_VQ = 17,
    F_CTRL_RX = 18,
    F_CTRL_VLAN = 19,
    F_CTRL_RX_EXTRA = 20,
    F_MQ = 22,
    F_CTRL_MAC_ADDR = 23,
    F_VERSION_1 = 32,
    F_SPEED_DUPLEX = 63,
};
#define FEATURES                                                                                             \
    (VIRTIO_FEATURE(F_CSUM) | VIRTIO_FEATURE(F_GUEST_CSUM) | VIRTIO_FEATURE(F_CTRL_GUEST_OFFLOADS) |         \
     VIRTIO_FEATURE(F_MAC) | VIRTIO_FEATURE(F_HOST_TSO4) | VIRTIO_FEATURE(F_HOST_TSO6) |                     \
     VIRTIO_FEATURE(F_MRG_RXBUF) | VIRTIO_FEATURE(F_STATUS) | VIRTIO_FEATURE(F_CTRL_VQ) |                    \
     VIRTIO_FEATURE(F_CTRL_RX) | VIRTIO_FEATURE(F_CTRL_VLAN) | VIRTIO_FEATURE(F_CTRL_RX_EXTRA) |             \
     VIRTIO_FEATURE(F_CTRL_MAC_ADDR) | VIRTIO_FEATURE(F_SPEED_DUPLEX))

/* Device configuration layout (5.1.4). */
enum {
    CONFIG_MAC = 0,
    CONFIG_STATUS = 6,
    CONFIG_PAIRS = 8,
    CONFIG_SPEED = 12,
    CONFIG_DUPLEX = 16,
    CONFIG_BYTES = 20
};
#define STATUS_LINK_UP 1u
#define SPEED_MBIT 1000u
#define DUPLEX_FULL 1u

/* struct virtio_net_hdr (5.1.6). Without F_MRG_RXBUF the legacy one has no num_buffers (5.1.6.1). */
enum {
    HDR_FLAGS = 0,
    HDR_GSO_TYPE = 1,
    HDR_LEN = 2,
    HDR_GSO_SIZE = 4,
    HDR_CSUM_START = 6,
    HDR_CSUM_OFFSET = 8,
    HDR_NUM_BUFFERS = 10,
    HDR_BYTES_LEGACY = 10,
    HDR_BYTES = 12,
};
#define HDR_F_NEEDS_CSUM 1u
#define HDR_F_DATA_VALID 2u
#define GSO_NONE 0u
#define GSO_TCPV4 1u
#define GSO_TCPV6 4u

/* Control virtqueue (5.1.6.5). */
enum { CTRL_CLASS = 0, CTRL_COMMAND = 1, CTRL_DATA = 2 };
enum { CTRL_RX = 0, CTRL_MAC = 1, CTRL_VLAN = 2, CTRL_MQ = 4, CTRL_GUEST_OFFLOADS = 5 };
enum { RX_PROMISC, RX_ALLMULTI, RX_ALLUNI, RX_NOMULTI, RX_NOUNI, RX_NOBCAST, RX_MODES };
enum { MAC_TABLE_SET, MAC_ADDR_SET };
enum { VLAN_ADD, VLAN_DEL };
enum { MQ_VQ_PAIRS_SET };
enum { GUEST_OFFLOADS_SET = 0, GUEST_OFFLOADS_BYTES = 8 };
#define CTRL_OK 0u
#define CTRL_ERR 1u

#define MAC_TABLE_MAX 64u /* addresses in each of the two lists; more let all of their kind through */
#define VLANS 4096u
#define TAG_OFFSET 12u
#define TAG_BYTES 4u
#define TYPE_TAGGED 0x8100u
#define FRAME_MIN                                                                                            \
    14u /* what the driver hands over may be as short as a header; the wire's minimum is padding */
#define PACKET_MAX 0x10400u /* 64 KB to be segmented, and its headers */
#define SEGMENT_MAX 16384u
#define COMMAND_MAX (CTRL_DATA + 2 * (4 + NIC_MAC_LENGTH * 1024))

/* Addresses that the driver wants to receive, of one kind. */
struct mac_list {
    bool overflown;
    unsigned count;
    uint8_t addresses[MAC_TABLE_MAX][NIC_MAC_LENGTH];
};

struct nic {
    struct nic_card card;
    bool notified; /* a transmit queue was, since the thread looked */
    struct virtio_description description;
    struct virtio_pci virtio;
    uint8_t mac[NIC_MAC_LENGTH]; /* its own, until the driver says another */

    bool modes[RX_MODES];
    struct mac_list unicast, multicast;
    uint8_t vlans[VLANS / 8];
    bool checks; /* tells the driver of right checksums */

    unsigned pairs;          /* that there are */
    unsigned pairs_used;     /* to receive by: the first ones */
    uint8_t steering[FLOWS]; /* a pair's number + 1; 0: none was chosen */

    /* Of each pair, by head: the bus address of the first octet of a frame's first buffer, until the driver
     * is seen to have read it; 0: none. */
    uint64_t unread[PAIRS_MAX][RING_ENTRIES];
    uint16_t used_heads[RING_ENTRIES]; /* of the frame that is being stored */
    uint32_t used_octets[RING_ENTRIES];
    struct virtqueue_chain rx_chain, rx_first, tx_chain, control_chain;

    unsigned generation; /* counts resets, so that a transmission from before does not complete */
    uint8_t packet[PACKET_MAX];
    uint8_t command[COMMAND_MAX];
};

static unsigned receive_queue(unsigned pair)
{
    return pair * PAIR + RECEIVE_QUEUE;
}

static unsigned transmit_queue(unsigned pair)
{
    return pair * PAIR + TRANSMIT_QUEUE;
}

/* A driver that knows nothing of several pairs looks for it behind the first one. */
static unsigned control_queue(const struct nic *nic)
{
    return (virtio_pci_has(&nic->virtio, F_MQ) ? nic->pairs : 1) * PAIR;
}

static struct virtqueue *ring(struct nic *nic, unsigned queue)
{
    return &nic->virtio.queue[queue].ring;
}

static size_t header_bytes(const struct nic *nic)
{
    return virtio_pci_has(&nic->virtio, F_VERSION_1) || virtio_pci_has(&nic->virtio, F_MRG_RXBUF)
               ? HDR_BYTES
               : HDR_BYTES_LEGACY;
}

static bool link_up(const struct nic *nic)
{
    return get_le(nic->virtio.config + CONFIG_STATUS, 2) & STATUS_LINK_UP;
}

/* The driver knows, so it is not told. One that reads the address meanwhile sees that it has changed. */
static void set_mac(struct nic *nic, const uint8_t *mac)
{
    memcpy(nic->virtio.config + CONFIG_MAC, mac, NIC_MAC_LENGTH);
    nic->virtio.generation++;
}

static void update_link(struct nic *nic)
{
    if (nic->card.cable == link_up(nic))
        return;
    put_le(nic->virtio.config + CONFIG_STATUS, 2, nic->card.cable ? STATUS_LINK_UP : 0);
    virtio_pci_config_changed(&nic->virtio);
}

/* --- Receiving (5.1.6.3, 5.1.6.4) --------------------------------------------------------------------------
 */

static bool in_list(const struct mac_list *list, const uint8_t *address)
{
    if (list->overflown)
        return true;
    for (unsigned i = 0; i < list->count; i++)
        if (memcmp(list->addresses[i], address, NIC_MAC_LENGTH) == 0)
            return true;
    return false;
}

static bool vlan_passes(const struct nic *nic, const uint8_t *frame, size_t length)
{
    unsigned vlan;

    if (!virtio_pci_has(&nic->virtio, F_CTRL_VLAN) || length < TAG_OFFSET + TAG_BYTES ||
        get_be16(frame + TAG_OFFSET) != TYPE_TAGGED)
        return true;
    vlan = get_be16(frame + TAG_OFFSET + 2) & (VLANS - 1);
    return nic->vlans[vlan / 8] >> vlan % 8 & 1;
}

/* Packet Receive Filtering (5.1.6.5.1), Setting MAC Address Filtering (5.1.6.5.2). */
static bool passes_filter(const struct nic *nic, const uint8_t *frame, size_t length)
{
    const bool *modes = nic->modes;

    if (modes[RX_PROMISC]) /* whatever else is on */
        return true;
    if (!vlan_passes(nic, frame, length))
        return false;
    if (is_broadcast(frame))
        return !modes[RX_NOBCAST];
    if (frame[0] & 1)
        return !modes[RX_NOMULTI] && (modes[RX_ALLMULTI] || in_list(&nic->multicast, frame));
    return !modes[RX_NOUNI] && (modes[RX_ALLUNI] || in_list(&nic->unicast, frame) ||
                                memcmp(frame, nic->virtio.config + CONFIG_MAC, NIC_MAC_LENGTH) == 0);
}

static void make_header(const struct nic *nic, const uint8_t *frame, size_t length, unsigned buffers,
                        uint8_t header[HDR_BYTES])
{
    memset(header, 0, HDR_BYTES);
    put_le(header + HDR_NUM_BUFFERS, 2, buffers);
    if (nic->checks) {
        struct offload_verdict verdict = offload_verify(frame, length);

        if (verdict.tcp_checked && verdict.tcp_right)
            header[HDR_FLAGS] = HDR_F_DATA_VALID;
    }
}

enum stored { STORED, NO_ROOM, REFUSED };

/*
 * Take buffers until the frame is in them, but for its header, whose place is at the first one's beginning.
 * Returns how many they are; 0 when there are not enough or one is broken, and then all stay with the driver.
 */
static unsigned fill_buffers(struct nic *nic, unsigned index, const uint8_t *frame, size_t length,
                             enum stored *stored)
{
    struct virtqueue *queue = ring(nic, index);
    size_t header = header_bytes(nic), done = 0;
    unsigned count = 0;

    *stored = STORED;
    do {
        size_t offset = count ? 0 : header, part;
        const char *error;
        enum virtqueue_answer answer = virtqueue_take(queue, &nic->rx_chain, &error);

        if (answer == VIRTQUEUE_ERROR)
            virtio_pci_needs_reset(&nic->virtio, index, error);
        if (answer != VIRTQUEUE_TAKEN || nic->rx_chain.writable_octets < header ||
            (count && !virtio_pci_has(&nic->virtio, F_MRG_RXBUF))) {
            virtqueue_untake(queue, count + (answer == VIRTQUEUE_TAKEN));
            *stored = NO_ROOM;
            return 0;
        }
        part = nic->rx_chain.writable_octets - offset;
        part = part < length - done ? part : length - done;
        if (virtqueue_write(queue, &nic->rx_chain, offset, frame + done, part) < 0)
            *stored = REFUSED;
        if (!count)
            nic->rx_first = nic->rx_chain;
        nic->used_heads[count] = nic->rx_chain.head;
        nic->used_octets[count++] = (uint32_t)(offset + part);
        done += part;
    } while (done < length);
    return count;
}

static void remember_unread(struct nic *nic, unsigned pair)
{
    for (unsigned i = 0; i < nic->rx_first.writable; i++) {
        const struct virtqueue_piece *piece = &nic->rx_first.pieces[nic->rx_first.readable + i];

        if (piece->length) {
            nic->unread[pair][nic->rx_first.head] = piece->address;
            return;
        }
    }
}

static enum stored store_frame(struct nic *nic, unsigned pair, const uint8_t *frame, size_t length,
                               bool corrupted)
{
    unsigned index = receive_queue(pair);
    struct virtqueue *queue = ring(nic, index);
    uint8_t header[HDR_BYTES];
    enum stored stored;
    unsigned count = fill_buffers(nic, index, frame, length, &stored);
    bool given_back = true;

    if (!count)
        return stored;
    make_header(nic, frame, length, count, header);
    if (virtqueue_write(queue, &nic->rx_first, 0, header, header_bytes(nic)) < 0)
        stored = REFUSED;
    for (unsigned i = 0; i < count; i++) {
        nic->unread[pair][nic->used_heads[i]] = 0;
        given_back &= virtqueue_use(queue, corrupted ? NO_BUFFER : nic->used_heads[i],
                                    stored == STORED ? nic->used_octets[i] : 0);
    }
    if (stored == STORED && !corrupted) {
        remember_unread(nic, pair);
        account_frame_accepted(); /* before the driver can see it */
    }
    if (!virtqueue_publish(queue) || !given_back)
        virtio_pci_needs_reset(&nic->virtio, index, "");
    else
        virtio_pci_notice(&nic->virtio, index);
    return corrupted ? REFUSED : stored;
}

static bool is_unread(struct nic *nic, unsigned pair, unsigned head)
{
    uint64_t address = nic->unread[pair][head];

    return address && dma_is_mapped(ring(nic, receive_queue(pair))->dma, address);
}

/* Its number among those whose pairs are remembered. With one pair there is nothing to remember. */
static unsigned flow_of(const struct nic *nic, const uint8_t *frame, size_t length)
{
    return nic->pairs_used == 1 ? 0 : flow_hash(frame, length) / (UINT32_MAX / FLOWS + 1);
}

/* Automatic Receive Steering (5.1.6.5.5): the pair that a flow's frames are received by. */
static unsigned steer(const struct nic *nic, unsigned flow)
{
    unsigned chosen = nic->steering[flow];

    return chosen && chosen <= nic->pairs_used ? chosen - 1 : flow * nic->pairs_used / FLOWS;
}

/* The driver has sent a frame of that flow by this pair. */
static void follow(struct nic *nic, unsigned flow, unsigned pair)
{
    unsigned before = steer(nic, flow);

    if (pair == before || pair >= nic->pairs_used)
        return;
    for (unsigned head = 0; head < RING_ENTRIES; head++)
        if (is_unread(nic, before, head))
            return; /* another frame will bring it */
    nic->steering[flow] = (uint8_t)(pair + 1);
}

static enum wire_outcome receive(void *opaque, const uint8_t *frame, size_t length)
{
    static const enum wire_outcome outcomes[] = {
        [STORED] = WIRE_ACCEPTED, [NO_ROOM] = WIRE_MISSED, [REFUSED] = WIRE_MISSED};
    struct nic *nic = opaque;
    enum wire_outcome outcome = WIRE_FILTERED;
    unsigned pair;

    assert(length >= 2 * NIC_MAC_LENGTH);
    pthread_mutex_lock(&nic->card.lock);
    pair = steer(nic, flow_of(nic, frame, length));
    if (link_up(nic) && virtio_pci_queue_is_ready(&nic->virtio, receive_queue(pair)) &&
        !nic->virtio.fault.removed && passes_filter(nic, frame, length))
        outcome = outcomes[store_frame(nic, pair, frame, length, fault_receiving(&nic->virtio.fault))];
    pthread_mutex_unlock(&nic->card.lock);
    return outcome;
}

/* What the driver has not read is lost. */
static void forget_unread(struct nic *nic, unsigned pair)
{
    for (unsigned head = 0; head < RING_ENTRIES; head++) {
        if (is_unread(nic, pair, head))
            account_frame_dropped(ACCOUNT_DROP_NIC);
        nic->unread[pair][head] = 0;
    }
}

/* --- Sending (5.1.6.1, 5.1.6.2) ----------------------------------------------------------------------------
 */

static void start_transmitter(struct nic *nic)
{
    nic->notified = true;
    nic_card_wake(&nic->card);
}

/* Called with the lock held, which is dropped meanwhile. */
static void send_frame(struct nic *nic, unsigned pair, uint8_t *frame, size_t length)
{
    struct wire *wire = link_up(nic) ? nic->card.wire : NULL;

    follow(nic, flow_of(nic, frame, length), pair);

    if (length < REPLAY_FRAME_MIN) {
        memset(frame + length, 0, REPLAY_FRAME_MIN - length);
        length = REPLAY_FRAME_MIN;
    }
    if (!wire)
        return;
    pthread_mutex_unlock(&nic->card.lock);
    wire_transmit(wire, frame, length);
    pthread_mutex_lock(&nic->card.lock);
}

/* Returns what is wrong with the packet, or NULL. */
static const char *send_segments(struct nic *nic, unsigned pair, const uint8_t *header, size_t length)
{
    uint8_t type = header[HDR_GSO_TYPE], frame[SEGMENT_MAX];
    unsigned feature = type == GSO_TCPV6 ? F_HOST_TSO6 : F_HOST_TSO4, generation = nic->generation;
    uint16_t size = (uint16_t)get_le(header + HDR_GSO_SIZE, 2);
    struct offload_context context;
    size_t segments;

    if ((type != GSO_TCPV4 && type != GSO_TCPV6) || !virtio_pci_has(&nic->virtio, feature))
        return "the driver hands over a packet to be segmented in a way that was not agreed on";
    if (!(header[HDR_FLAGS] & HDR_F_NEEDS_CSUM) || !size ||
        !offload_tcp_context(nic->packet, length, get_le(header + HDR_CSUM_START, 2), size, &context) ||
        (size_t)context.header + size > SEGMENT_MAX)
        return "the driver hands over a packet that virtio-net cannot segment";
    segments = offload_segments(&context, length);
    for (size_t i = 0; i < segments && generation == nic->generation; i++)
        send_frame(nic, pair, frame,
                   offload_segment(&context, nic->packet, length, i, frame, context.ipv4, true));
    return NULL;
}

static const char *send_packet(struct nic *nic, unsigned pair, const uint8_t *header, size_t length)
{
    size_t start = get_le(header + HDR_CSUM_START, 2), place = start + get_le(header + HDR_CSUM_OFFSET, 2);

    if (length < FRAME_MIN)
        return "the driver hands over a frame that is too short";
    if (header[HDR_GSO_TYPE] != GSO_NONE)
        return send_segments(nic, pair, header, length);
    if (length > SEGMENT_MAX)
        return "the driver hands over a frame that is too long";
    if (header[HDR_FLAGS] & HDR_F_NEEDS_CSUM) {
        if (!virtio_pci_has(&nic->virtio, F_CSUM))
            return "the driver asks for a checksum without VIRTIO_NET_F_CSUM";
        if (place + 2 > length)
            return "the driver asks for a checksum behind the end of its frame";
        offload_insert(nic->packet, length, start, 0, place);
    }
    send_frame(nic, pair, nic->packet, length);
    return NULL;
}

/* The header and the frame out of the driver's memory, and on. Returns what is wrong, or NULL. */
static const char *send_chain(struct nic *nic, unsigned pair)
{
    struct virtqueue *queue = ring(nic, transmit_queue(pair));
    const struct virtqueue_chain *chain = &nic->tx_chain;
    uint8_t header[HDR_BYTES] = {0};
    size_t bytes = header_bytes(nic), length = chain->readable_octets - bytes;

    if (chain->writable || chain->readable_octets < bytes)
        return "the driver hands over a packet without a header, or one to be written";
    if (length > PACKET_MAX - REPLAY_FRAME_MIN)
        return "the driver hands over a packet that is too long";
    if (virtqueue_read(queue, chain, 0, header, bytes) < 0 ||
        virtqueue_read(queue, chain, bytes, nic->packet, length) < 0)
        return NULL; /* the IOMMU has refused it: it is lost */
    return send_packet(nic, pair, header, length);
}

static bool transmitter_is_ready(const struct nic *nic, unsigned pair)
{
    /* Where the driver knows of one pair only, the control queue comes next. */
    return transmit_queue(pair) < control_queue(nic) &&
           virtio_pci_queue_is_ready(&nic->virtio, transmit_queue(pair)) && !nic->virtio.fault.stuck;
}

/* One buffer. Returns whether there was one. The lock may have been dropped meanwhile. */
static bool transmit_one(struct nic *nic, unsigned pair)
{
    struct virtqueue *queue = ring(nic, transmit_queue(pair));
    unsigned generation = nic->generation;
    enum virtqueue_answer answer;
    const char *error;

    if (!transmitter_is_ready(nic, pair) || (!virtqueue_is_empty(queue) && fault_sending(&nic->virtio.fault)))
        return false;
    answer = virtqueue_take(queue, &nic->tx_chain, &error);
    if (answer == VIRTQUEUE_EMPTY)
        return false;
    if (answer == VIRTQUEUE_TAKEN)
        error = send_chain(nic, pair);
    if (generation != nic->generation)
        return true; /* reset meanwhile: nobody waits for it */
    if (!error && !(virtqueue_use(queue, nic->tx_chain.head, 0) && virtqueue_publish(queue)))
        error = "";
    if (error)
        virtio_pci_needs_reset(&nic->virtio, transmit_queue(pair), error);
    else
        virtio_pci_notice(&nic->virtio, transmit_queue(pair));
    return true;
}

/* One buffer of each queue. Returns whether there was any. */
static bool transmit_round(struct nic *nic)
{
    bool any = false;

    for (unsigned pair = 0; pair < nic->pairs; pair++)
        any |= transmit_one(nic, pair);
    return any;
}

/* Whether to be notified of new buffers. Returns whether some have come already. */
static bool ask_notifications(struct nic *nic, bool wanted)
{
    bool more = false;

    for (unsigned pair = 0; pair < nic->pairs; pair++) {
        struct virtqueue *queue = ring(nic, transmit_queue(pair));

        if (transmitter_is_ready(nic, pair))
            more |= virtqueue_ask_notification(queue, wanted) && wanted && !virtqueue_is_empty(queue);
    }
    return more;
}

/* While it sends, the thread looks at the queues by itself. Before it sleeps it asks to be notified, and
 * looks once more: the driver may have been faster. */
static void send_all(struct nic *nic)
{
    do {
        ask_notifications(nic, false);
        while (transmit_round(nic))
            ;
    } while (ask_notifications(nic, true));
}

static void *work(void *opaque)
{
    struct nic *nic = opaque;

    pthread_setname_np(pthread_self(), "nic");
    pthread_mutex_lock(&nic->card.lock);
    while (nic->card.powered) {
        if (nic->notified) {
            nic->notified = false;
            send_all(nic);
            continue;
        }
        nic_card_wait(&nic->card, MACHINE_NEVER);
    }
    pthread_mutex_unlock(&nic->card.lock);
    return NULL;
}

/* --- The control queue (5.1.6.5) ---------------------------------------------------------------------------
 */

static bool set_mode(struct nic *nic, unsigned command, const uint8_t *data, size_t length)
{
    unsigned feature = command <= RX_ALLMULTI ? F_CTRL_RX : F_CTRL_RX_EXTRA;

    if (command >= RX_MODES || length != 1 || !virtio_pci_has(&nic->virtio, feature))
        return false;
    nic->modes[command] = data[0] != 0;
    return true;
}

/* One list: how many addresses there are, and these. *data and *length then are what follows. */
static bool read_list(struct mac_list *list, const uint8_t **data, size_t *length)
{
    size_t count = *length >= 4 ? get_le(*data, 4) : 0;

    if (*length < 4 || count > (*length - 4) / NIC_MAC_LENGTH)
        return false;
    list->overflown = count > MAC_TABLE_MAX;
    list->count = list->overflown ? 0 : (unsigned)count;
    memcpy(list->addresses, *data + 4, list->count * (size_t)NIC_MAC_LENGTH);
    *data += 4 + count * NIC_MAC_LENGTH;
    *length -= 4 + count * NIC_MAC_LENGTH;
    return true;
}

static bool set_addresses(struct nic *nic, unsigned command, const uint8_t *data, size_t length)
{
    struct mac_list unicast, multicast;

    switch (command) {
    case MAC_TABLE_SET:
        if (!virtio_pci_has(&nic->virtio, F_CTRL_RX) || !read_list(&unicast, &data, &length) ||
            !read_list(&multicast, &data, &length) || length)
            return false;
        nic->unicast = unicast;
        nic->multicast = multicast;
        return true;
    case MAC_ADDR_SET:
        if (!virtio_pci_has(&nic->virtio, F_CTRL_MAC_ADDR) || length != NIC_MAC_LENGTH)
            return false;
        set_mac(nic, data);
        return true;
    default:
        return false;
    }
}

static bool set_vlan(struct nic *nic, unsigned command, const uint8_t *data, size_t length)
{
    unsigned vlan = length == 2 ? get_le(data, 2) : VLANS;

    if (!virtio_pci_has(&nic->virtio, F_CTRL_VLAN) || vlan >= VLANS || command > VLAN_DEL)
        return false;
    nic->vlans[vlan / 8] &= (uint8_t) ~(1u << vlan % 8);
    if (command == VLAN_ADD)
        nic->vlans[vlan / 8] |= (uint8_t)(1u << vlan % 8);
    return true;
}

/* Offloads State Configuration (5.1.6.5.6): a set of feature bits. The device has one. */
static bool set_offloads(struct nic *nic, unsigned command, const uint8_t *data, size_t length)
{
    if (!virtio_pci_has(&nic->virtio, F_CTRL_GUEST_OFFLOADS) || command != GUEST_OFFLOADS_SET ||
        length != GUEST_OFFLOADS_BYTES || get_le(data, 4) & ~(1u << F_GUEST_CSUM) || get_le(data + 4, 4))
        return false;
    nic->checks = data[0] & 1 << F_GUEST_CSUM && virtio_pci_has(&nic->virtio, F_GUEST_CSUM);
    return true;
}

/* Multiqueue mode: how many pairs are used (5.1.6.5.5). */
static bool set_pairs(struct nic *nic, unsigned command, const uint8_t *data, size_t length)
{
    unsigned count = length == 2 ? get_le(data, 2) : 0;

    if (!virtio_pci_has(&nic->virtio, F_MQ) || command != MQ_VQ_PAIRS_SET || count < 1 || count > nic->pairs)
        return false;
    nic->pairs_used = count;
    return true;
}

static bool carry_out(struct nic *nic, const uint8_t *command, size_t length)
{
    static bool (*const classes[])(struct nic *, unsigned, const uint8_t *, size_t) = {
        [CTRL_RX] = set_mode,  [CTRL_MAC] = set_addresses,           [CTRL_VLAN] = set_vlan,
        [CTRL_MQ] = set_pairs, [CTRL_GUEST_OFFLOADS] = set_offloads,
    };
    unsigned class = length >= CTRL_DATA ? command[CTRL_CLASS] : UINT8_MAX;

    return class < sizeof classes / sizeof classes[0] && classes[class] &&
           classes[class](nic, command[CTRL_COMMAND], command + CTRL_DATA, length - CTRL_DATA);
}

/* A command and its parameters, then an octet for the acknowledgement. Returns what is wrong, or NULL. */
static const char *control_one(struct nic *nic)
{
    struct virtqueue *queue = ring(nic, control_queue(nic));
    const struct virtqueue_chain *chain = &nic->control_chain;
    uint8_t acknowledgement;
    long length = virtqueue_read(queue, chain, 0, nic->command, sizeof nic->command);

    if (length < 0)
        return "";
    if (chain->readable_octets < CTRL_DATA || chain->readable_octets > sizeof nic->command ||
        !chain->writable_octets)
        return "the driver hands over a control command without its parts, or one that is too long";
    acknowledgement = carry_out(nic, nic->command, (size_t)length) ? CTRL_OK : CTRL_ERR;
    if (virtqueue_write(queue, chain, 0, &acknowledgement, 1) < 0 || !virtqueue_use(queue, chain->head, 1) ||
        !virtqueue_publish(queue))
        return "";
    virtio_pci_notice(&nic->virtio, control_queue(nic));
    return NULL;
}

static void control(struct nic *nic)
{
    enum virtqueue_answer answer;
    const char *error = NULL;

    do {
        answer = virtqueue_take(ring(nic, control_queue(nic)), &nic->control_chain, &error);
        if (answer == VIRTQUEUE_TAKEN)
            error = control_one(nic);
        else if (answer == VIRTQUEUE_EMPTY)
            error = virtqueue_ask_notification(ring(nic, control_queue(nic)), true) ? NULL : "";
        if (error)
            virtio_pci_needs_reset(&nic->virtio, control_queue(nic), error);
    } while (answer == VIRTQUEUE_TAKEN && !error);
}

/* --- What the transport calls ------------------------------------------------------------------------------
 */

static void notified(struct nic *nic, unsigned queue)
{
    if (queue == control_queue(nic))
        control(nic);
    else if (queue % PAIR == TRANSMIT_QUEUE)
        start_transmitter(nic);
}

static void queue_resetting(struct nic *nic, unsigned queue)
{
    if (queue < control_queue(nic) && queue % PAIR == RECEIVE_QUEUE)
        forget_unread(nic, queue / PAIR);
    nic->generation++;
}

/* All but the address is the device's own. */
static void fill_config(struct nic *nic)
{
    put_le(nic->virtio.config + CONFIG_STATUS, 2, nic->card.cable ? STATUS_LINK_UP : 0);
    put_le(nic->virtio.config + CONFIG_PAIRS, 2, nic->pairs > 1 ? nic->pairs : 0);
    put_le(nic->virtio.config + CONFIG_SPEED, 4, SPEED_MBIT);
    nic->virtio.config[CONFIG_DUPLEX] = DUPLEX_FULL;
}

static void resetting(struct nic *nic)
{
    for (unsigned queue = 0; queue < nic->description.queues; queue++)
        queue_resetting(nic, queue);
    memset(nic->steering, 0, sizeof nic->steering);
    nic->pairs_used = 1;
    memset(nic->modes, 0, sizeof nic->modes);
    memset(nic->vlans, 0, sizeof nic->vlans);
    nic->unicast.count = nic->multicast.count = 0;
    nic->unicast.overflown = nic->multicast.overflown = false;
    nic->checks = false;
    fill_config(nic);
    set_mac(nic, nic->mac);
}

static void features_accepted(struct nic *nic)
{
    nic->checks = virtio_pci_has(&nic->virtio, F_GUEST_CSUM);
}

/* --- Making a device ---------------------------------------------------------------------------------------
 */

#define DESCRIPTION                                                                                          \
    .name = "virtio-net", .type = TYPE_NETWORK, .features = FEATURES, .queues = PAIR + 1,                    \
    .queue = {[RECEIVE_QUEUE] = {"receive queue", RING_ENTRIES},                                             \
              [TRANSMIT_QUEUE] = {"transmit queue", RING_ENTRIES},                                           \
              [PAIR] = {"control queue", CONTROL_ENTRIES}},                                                  \
    .config_octets = CONFIG_BYTES, .features_accepted = features_accepted, .notified = notified,             \
    .resetting = resetting, .queue_resetting = queue_resetting, .config_written = fill_config

static const struct virtio_description transitional = {DESCRIPTION};
static const struct virtio_description legacy = {DESCRIPTION, .legacy = true};

/* What a device with several pairs has besides. */
static void describe_pairs(struct virtio_description *description, unsigned pairs)
{
    static const char *const names[][PAIR] = {{"receive queue 1", "transmit queue 1"},
                                              {"receive queue 2", "transmit queue 2"},
                                              {"receive queue 3", "transmit queue 3"},
                                              {"receive queue 4", "transmit queue 4"}};
    const struct virtio_queue_description control = description->queue[PAIR];

    assert(pairs <= PAIRS_MAX);
    description->features |= VIRTIO_FEATURE(F_MQ);
    description->queues = pairs * PAIR + 1;
    for (unsigned queue = 0; queue < pairs * PAIR; queue++)
        description->queue[queue] =
            (struct virtio_queue_description){names[queue / PAIR][queue % PAIR], RING_ENTRIES};
    description->queue[pairs * PAIR] = control;
}

static struct nic *create_described(const struct nic_config *config,
                                    const struct virtio_description *description)
{
    struct nic *nic = calloc(1, sizeof *nic);

    if (!nic)
        return NULL;
    nic->description = *description;
    nic->pairs = config->queue_pairs ? config->queue_pairs : 1;
    nic->pairs_used = 1;
    if (nic->pairs > 1)
        describe_pairs(&nic->description, nic->pairs);
    nic_card_init(&nic->card, config, "virtio-net lock", "virtio-net work");
    if (!nic_card_start(&nic->card, work, nic)) {
        free(nic);
        return NULL;
    }
    virtio_pci_create(&nic->virtio, &nic->description, nic, &nic->card.lock, config);
    memcpy(nic->mac, config->mac, NIC_MAC_LENGTH);
    fill_config(nic);
    set_mac(nic, nic->mac);
    if (nic->card.wire)
        wire_plug(nic->card.wire, receive, nic);
    return nic;
}

static struct nic *create(const struct nic_config *config)
{
    return create_described(config, &transitional);
}

static struct nic *create_legacy(const struct nic_config *config)
{
    return create_described(config, &legacy);
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
    virtio_pci_power_off(&nic->virtio);
    nic_card_power_off(&nic->card);
}

const struct nic_model nic_virtio_net = {
    .name = "virtio-net",
    .driver = "virtio_net",
    .description = "virtio 1.1 network device, transitional, PCI 1af4:1000",
    .queue_pairs = PAIRS_MAX,
    .create = create,
    .receive = receive,
    .set_cable = set_cable,
    .power_off = power_off,
};

const struct nic_model nic_virtio_net_legacy = {
    .name = "virtio-net-legacy",
    .driver = "virtio_net",
    .description = "virtio network device from before virtio 1.0, PCI 1af4:1000",
    .queue_pairs = PAIRS_MAX,
    .create = create_legacy,
    .receive = receive,
    .set_cable = set_cable,
    .power_off = power_off,
};
