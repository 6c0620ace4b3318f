/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checksums and TCP segmentation: see offload.h. */
#include "harness/nic/offload.h"

#include <string.h>

enum { ETHER_TYPE = 12, ETHER_HEADER = 14, TAG = 4 };
enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_TAGGED = 0x8100 };

/* IPv4 header: RFC 791. */
enum {
    IPV4_LENGTH = 2,
    IPV4_ID = 4,
    IPV4_FRAGMENT = 6,
    IPV4_PROTOCOL = 9,
    IPV4_CHECKSUM = 10,
    IPV4_ADDRESSES = 12,
    IPV4_HEADER = 20
};
#define IPV4_FRAGMENT_MASK 0x3fffu /* more fragments, offset */

/* IPv6 header: RFC 8200. */
enum { IPV6_LENGTH = 4, IPV6_NEXT = 6, IPV6_ADDRESSES = 8, IPV6_HEADER = 40 };

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum {
    TCP_SEQUENCE = 4,
    TCP_OFFSET = 12,
    TCP_FLAGS = 13,
    TCP_CHECKSUM = 16,
    TCP_HEADER = 20,
    UDP_CHECKSUM = 6,
    UDP_HEADER = 8
};
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u

static uint16_t get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void put16(uint8_t *bytes, uint16_t word)
{
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

static void put32(uint8_t *bytes, uint32_t word)
{
    put16(bytes, (uint16_t)(word >> 16));
    put16(bytes + 2, (uint16_t)word);
}

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* The one's complement sum of a piece, in network order. Words are added as the processor has them: the sum
 * of octets swapped is the swapped sum (RFC 1071, section 2 (B)). */
static uint16_t sum_of(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    uint32_t word;
    uint16_t last = 0;
    size_t i;

    for (i = 0; i + 4 <= length; i += 4) {
        memcpy(&word, bytes + i, 4);
        sum += word;
    }
    if (length - i >= 2) {
        memcpy(&last, bytes + i, 2);
        sum += last;
        i += 2;
    }
    if (i < length) {
        const uint8_t pair[2] = {bytes[i], 0};

        memcpy(&last, pair, 2);
        sum += last;
    }
    last = fold(sum);
    return get16((const uint8_t *)&last);
}

uint16_t offload_packet_checksum(const uint8_t *frame, size_t length, size_t start)
{
    return start < length ? (uint16_t)~sum_of(frame + start, length - start) : 0xffff;
}

/* --- Receiving -------------------------------------------------------------------------------------------
 */

/* The transport part of a packet: where, how long, and what goes into its pseudo header. */
struct transport {
    const uint8_t *data;
    size_t length;
    uint8_t protocol;
    const uint8_t *addresses;
    size_t address_octets; /* both */
};

static bool transport_right(const struct transport *part)
{
    uint64_t sum = sum_of(part->addresses, part->address_octets);

    sum += part->protocol;
    sum += (part->length >> 16) + (part->length & 0xffff);
    sum += sum_of(part->data, part->length);
    return fold(sum) == 0xffff;
}

static void verify_transport(const struct transport *part, struct offload_verdict *verdict)
{
    bool tcp = part->protocol == PROTOCOL_TCP && part->length >= TCP_HEADER;
    bool udp = part->protocol == PROTOCOL_UDP && part->length >= UDP_HEADER;

    if (!tcp && (!udp || get16(part->data + UDP_CHECKSUM) == 0))
        return; /* nothing that has a checksum, or a datagram that was sent without one */
    verdict->tcp_checked = true;
    verdict->tcp_right = transport_right(part);
}

static void verify_ipv4(const uint8_t *packet, size_t length, struct offload_verdict *verdict)
{
    size_t header = length >= IPV4_HEADER ? 4 * (size_t)(packet[0] & 15) : 0;
    size_t total = header ? get16(packet + IPV4_LENGTH) : 0;

    if (header < IPV4_HEADER || total < header || total > length)
        return;
    verdict->ip_checked = true;
    verdict->ip_right = sum_of(packet, header) == 0xffff;
    if (get16(packet + IPV4_FRAGMENT) & IPV4_FRAGMENT_MASK)
        return;
    verify_transport(&(struct transport){.data = packet + header,
                                         .length = total - header,
                                         .protocol = packet[IPV4_PROTOCOL],
                                         .addresses = packet + IPV4_ADDRESSES,
                                         .address_octets = 8},
                     verdict);
}

static void verify_ipv6(const uint8_t *packet, size_t length, struct offload_verdict *verdict)
{
    size_t payload = length >= IPV6_HEADER ? get16(packet + IPV6_LENGTH) : 0;

    if (length < IPV6_HEADER || payload > length - IPV6_HEADER)
        return;
    verify_transport(&(struct transport){.data = packet + IPV6_HEADER,
                                         .length = payload,
                                         .protocol = packet[IPV6_NEXT],
                                         .addresses = packet + IPV6_ADDRESSES,
                                         .address_octets = 32},
                     verdict);
}

/* The start of the packet's network header; 0 for a frame that is too short for one. */
static size_t network_start(const uint8_t *frame, size_t length)
{
    if (length < ETHER_HEADER + TAG)
        return 0;
    return get16(frame + ETHER_TYPE) == TYPE_TAGGED ? ETHER_HEADER + TAG : ETHER_HEADER;
}

struct offload_verdict offload_verify(const uint8_t *frame, size_t length)
{
    struct offload_verdict verdict = {0};
    size_t start = network_start(frame, length);

    if (!start)
        return verdict;
    switch (get16(frame + start - 2)) {
    case TYPE_IPV4:
        verify_ipv4(frame + start, length - start, &verdict);
        break;
    case TYPE_IPV6:
        verify_ipv6(frame + start, length - start, &verdict);
        break;
    default:
        break;
    }
    return verdict;
}

/* --- Sending ---------------------------------------------------------------------------------------------
 */

void offload_insert(uint8_t *frame, size_t length, size_t start, size_t end, size_t place)
{
    size_t behind = end == 0 || end >= length ? length : end + 1;

    if (start >= behind || place + 2 > length)
        return;
    put16(frame + place, (uint16_t)~sum_of(frame + start, behind - start));
}

bool offload_tcp_context(uint8_t *packet, size_t length, size_t transport, uint16_t mss,
                         struct offload_context *context)
{
    size_t network = network_start(packet, length), least, header;
    uint16_t type = network ? get16(packet + network - 2) : 0;
    bool ipv4 = type == TYPE_IPV4;
    uint64_t sum;

    least = network + (ipv4 ? IPV4_HEADER : IPV6_HEADER);
    if ((!ipv4 && type != TYPE_IPV6) || transport < least || transport + TCP_HEADER > length)
        return false;
    header = transport + 4u * (packet[transport + TCP_OFFSET] >> 4);
    if (packet[network + (ipv4 ? IPV4_PROTOCOL : IPV6_NEXT)] != PROTOCOL_TCP || header > UINT8_MAX ||
        header < transport + TCP_HEADER || header > length)
        return false;
    *context = (struct offload_context){
        .ipcss = (uint8_t)network,
        .ipcso = (uint8_t)(network + IPV4_CHECKSUM),
        .ipcse = (uint16_t)(transport - 1),
        .tucss = (uint8_t)transport,
        .tucso = (uint8_t)(transport + TCP_CHECKSUM),
        .payload = (uint32_t)(length - header),
        .tcp = true,
        .ipv4 = ipv4,
        .header = (uint8_t)header,
        .mss = mss,
    };
    sum = ipv4 ? sum_of(packet + network + IPV4_ADDRESSES, 8) : sum_of(packet + network + IPV6_ADDRESSES, 32);
    put16(packet + transport + TCP_CHECKSUM, fold(sum + PROTOCOL_TCP));
    if (ipv4)
        put16(packet + network + IPV4_CHECKSUM, 0);
    return true;
}

size_t offload_segments(const struct offload_context *context, size_t length)
{
    if (!context->mss || !context->tcp || context->header < context->tucss + TCP_HEADER ||
        length <= context->header || length - context->header != context->payload)
        return 0;
    return (context->payload + context->mss - 1) / context->mss;
}

static void adapt_ip(const struct offload_context *context, uint8_t *frame, size_t length, size_t index,
                     bool ip_sum)
{
    uint8_t *ip = frame + context->ipcss;

    if (!context->ipv4) {
        put16(ip + IPV6_LENGTH, (uint16_t)(length - context->ipcss - IPV6_HEADER));
        return;
    }
    put16(ip + IPV4_LENGTH, (uint16_t)(length - context->ipcss));
    put16(ip + IPV4_ID, (uint16_t)(get16(ip + IPV4_ID) + index));
    if (ip_sum)
        offload_insert(frame, length, context->ipcss, context->ipcse, context->ipcso);
}

/* The driver has left the pseudo header's sum without the length, which differs from segment to segment. */
static void adapt_tcp(const struct offload_context *context, uint8_t *frame, size_t length, size_t index,
                      bool last, bool tcp_sum)
{
    uint8_t *tcp = frame + context->tucss;
    uint8_t *place = frame + context->tucso;

    put32(tcp + TCP_SEQUENCE, get32(tcp + TCP_SEQUENCE) + (uint32_t)(index * context->mss));
    if (!last)
        tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (!tcp_sum)
        return;
    put16(place, fold((uint64_t)get16(place) + (length - context->tucss)));
    offload_insert(frame, length, context->tucss, context->tucse, context->tucso);
}

size_t offload_segment(const struct offload_context *context, const uint8_t *packet, size_t length,
                       size_t index, uint8_t *frame, bool ip_sum, bool tcp_sum)
{
    size_t from = context->header + index * context->mss;
    size_t payload = length - from < context->mss ? length - from : context->mss;
    size_t total = context->header + payload;

    memcpy(frame, packet, context->header);
    memcpy(frame + context->header, packet + from, payload);
    adapt_ip(context, frame, total, index, ip_sum);
    adapt_tcp(context, frame, total, index, from + payload == length, tcp_sum);
    return total;
}
