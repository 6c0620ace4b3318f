/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flows of frames: see flow.h. */
#include "replay/flow.h"

#include <stdbool.h>

#define HEADER 14u /* octets of an Ethernet header */
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define FRAGMENT 0x3fffu /* more fragments follow, or it is not the first */

static unsigned be16(const uint8_t *octets)
{
    return (unsigned)octets[0] << 8 | octets[1];
}

/* One octet more: FNV-1a. */
static uint32_t add(uint32_t hash, unsigned octet)
{
    return (hash ^ octet) * 16777619u;
}

/* Two fields that change places between the directions. */
static uint32_t add_both(uint32_t hash, const uint8_t *from, const uint8_t *to, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = add(hash, from[i] ^ to[i]);
    return hash;
}

/* ports: where they would be. */
static uint32_t hash_ends(const uint8_t *addresses, size_t length, unsigned protocol, const uint8_t *ports,
                          bool has_ports)
{
    uint32_t hash = add(add_both(2166136261u, addresses, addresses + length, length), protocol);

    if (has_ports && (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP))
        hash = add_both(hash, ports, ports + 2, 2);
    hash *= 2654435761u; /* Knuth's: what differs in the lower bits shows in the upper ones */
    return hash ? hash : 1;
}

uint32_t flow_hash(const uint8_t *frame, size_t length)
{
    const uint8_t *ip = frame + HEADER;
    size_t octets = length > HEADER ? length - HEADER : 0;
    unsigned type = length > HEADER ? be16(frame + 12) : 0;

    if (type == TYPE_IPV4 && octets >= 20 && ip[0] >> 4 == 4 && (ip[0] & 15) >= 5) {
        size_t header = (ip[0] & 15u) * 4;

        return hash_ends(ip + 12, 4, ip[9], ip + header, !(be16(ip + 6) & FRAGMENT) && octets >= header + 4);
    }
    if (type == TYPE_IPV6 && octets >= 40 && ip[0] >> 4 == 6)
        return hash_ends(ip + 8, 16, ip[6], ip + 40, octets >= 44);
    return 0;
}
