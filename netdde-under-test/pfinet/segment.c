/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading TCP segments out of Ethernet frames: see segment.h. */
#include "netdde-under-test/pfinet/segment.h"

#define ETHERNET_HEADER 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define IPV4_HEADER_MIN 20
#define IPV4_FRAGMENT_MASK 0x3fff /* "more fragments" and the offset: not zero in every fragment */
#define IPV6_HEADER 40
#define PROTOCOL_TCP 6
#define TCP_HEADER_MIN 20

static uint32_t big_endian_16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

/* The IP header at packet: its length and that of what it carries, when that is one whole TCP segment. */
static bool ipv4_carries_tcp(const uint8_t *packet, uint32_t length, uint32_t *header, uint32_t *carried)
{
    if (length < IPV4_HEADER_MIN || packet[0] >> 4 != 4)
        return false;
    uint32_t total = big_endian_16(packet + 2);
    *header = (packet[0] & 0xfu) * 4;
    if (*header < IPV4_HEADER_MIN || total < *header || total > length)
        return false;
    *carried = total - *header;
    return packet[9] == PROTOCOL_TCP && (big_endian_16(packet + 6) & IPV4_FRAGMENT_MASK) == 0;
}

static bool ipv6_carries_tcp(const uint8_t *packet, uint32_t length, uint32_t *header, uint32_t *carried)
{
    if (length < IPV6_HEADER || packet[0] >> 4 != 6)
        return false;
    *header = IPV6_HEADER;
    *carried = big_endian_16(packet + 4);
    return packet[6] == PROTOCOL_TCP && *carried <= length - IPV6_HEADER;
}

bool segment_parse(const uint8_t *frame, uint32_t length, struct segment *segment)
{
    if (length < ETHERNET_HEADER)
        return false;
    const uint8_t *packet = frame + ETHERNET_HEADER;
    uint32_t type = big_endian_16(frame + 12), rest = length - ETHERNET_HEADER, header, carried;
    bool tcp = type == ETHERTYPE_IPV4   ? ipv4_carries_tcp(packet, rest, &header, &carried)
               : type == ETHERTYPE_IPV6 ? ipv6_carries_tcp(packet, rest, &header, &carried)
                                        : false;
    if (!tcp || carried < TCP_HEADER_MIN)
        return false;
    const uint8_t *tcp_header = packet + header;
    uint32_t tcp_length = (tcp_header[12] >> 4) * 4u;
    if (tcp_length < TCP_HEADER_MIN || tcp_length > carried)
        return false;
    segment->payload = carried - tcp_length;
    segment->flags = tcp_header[13];
    return true;
}

bool segment_is_pure_ack(const struct segment *segment)
{
    return segment->payload == 0 && (segment->flags & SEGMENT_ACK) != 0 &&
           (segment->flags & (SEGMENT_SYN | SEGMENT_FIN | SEGMENT_RST)) == 0;
}
