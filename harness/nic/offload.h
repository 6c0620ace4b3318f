/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cards do to the contents of frames: Internet checksums (RFC 1071) and TCP segmentation, as the
 * 82540EM's descriptors ask for it (sections 3.2.9, 3.5 and 3.6 of the manual that 82540em.c names).
 * Functions of frames only; offsets count from the first octet of the destination address, lengths are in
 * octets without FCS.
 *
 * Left out: tunnels, IPv6 extension headers, fragments' checksums.
 */
#ifndef HARNESS_NIC_OFFLOAD_H
#define HARNESS_NIC_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A TCP/IP context, as its descriptor gives it (3.3.6). An end of 0 is the frame's. */
struct offload_context {
    uint8_t ipcss, ipcso; /* IP checksum: start, place */
    uint16_t ipcse;       /* last octet that it covers */
    uint8_t tucss, tucso; /* TCP or UDP checksum */
    uint16_t tucse;
    uint32_t payload; /* to be segmented, behind the headers */
    bool tcp, ipv4;
    uint8_t header; /* length of all headers */
    uint16_t mss;   /* payload of each segment but the last */
};

struct offload_verdict {
    bool ip_checked, ip_right;
    bool tcp_checked, tcp_right; /* TCP or UDP */
};

/* The sum of 16-bit words from start to the frame's end, as a receive descriptor has it: complemented. */
uint16_t offload_packet_checksum(const uint8_t *frame, size_t length, size_t start);

/* Check the checksums of a received frame: IPv4's, and TCP's or UDP's over IPv4 or IPv6. */
struct offload_verdict offload_verify(const uint8_t *frame, size_t length);

/* Put a checksum into the frame: over [start, end] with what stands at place. Does nothing when they do not
 * lie in the frame. */
void offload_insert(uint8_t *frame, size_t length, size_t start, size_t end, size_t place);

/*
 * The context for a packet whose TCP header begins at `transport`, for segments of at most mss octets of
 * payload: found in the packet's own headers. The pseudo header's sum in it, which covers the length of the
 * whole packet, is replaced by one without length, and IPv4's checksum by 0. False when these are not the
 * headers of TCP over IPv4 or IPv6.
 */
bool offload_tcp_context(uint8_t *packet, size_t length, size_t transport, uint16_t mss,
                         struct offload_context *context);

/* How many segments the packet makes; 0 when the context does not suit it. */
size_t offload_segments(const struct offload_context *context, size_t length);

/*
 * Make segment number `index` of the packet in `frame`, which has room for header + mss octets: IPv4's length
 * and identification (or IPv6's length), TCP's sequence number and flags, and the checksums asked for.
 * Returns its length.
 */
size_t offload_segment(const struct offload_context *context, const uint8_t *packet, size_t length,
                       size_t index, uint8_t *frame, bool ip_sum, bool tcp_sum);

#endif
