/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a frame says about TCP: just enough to tell a data segment from a pure acknowledgement.
 *
 * Ethernet II with IPv4 (RFC 791) or IPv6 (RFC 8200) and TCP (RFC 9293) on top. Left out: VLAN tags, IPv6
 * extension headers and IP fragments; such a frame is simply no TCP segment here.
 */
#ifndef NETDDE_PFINET_SEGMENT_H
#define NETDDE_PFINET_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct segment {
    uint32_t payload; /* bytes of TCP data */
    uint8_t flags;    /* the flag byte of the TCP header, SEGMENT_ACK and so on */
};

#define SEGMENT_FIN 0x01
#define SEGMENT_SYN 0x02
#define SEGMENT_RST 0x04
#define SEGMENT_ACK 0x10

/* Reads frame (length bytes, from the Ethernet header on). True and *segment filled when it is a TCP segment;
 * false when it is anything else or is cut off. */
bool segment_parse(const uint8_t *frame, uint32_t length, struct segment *segment);

/* An acknowledgement that carries nothing else, which is what a TCP may delay (RFC 1122, 4.2.3.2). */
bool segment_is_pure_ack(const struct segment *segment);

#endif
