/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flows: frames between two ends that must stay in order, as cards with several queues tell them apart. By
 * the addresses and the protocol of IPv4 (RFC 791, 3.1) and IPv6 (RFC 8200, 3), and the ports of TCP and UDP
 * where the frame is no fragment. Left out: VLAN tags, IPv6's extension headers.
 */
#ifndef REPLAY_FLOW_H
#define REPLAY_FLOW_H

#include <stddef.h>
#include <stdint.h>

/* A hash of the frame's flow, spread over all numbers, and the same for both directions. 0 for all frames
 * that are of none. */
uint32_t flow_hash(const uint8_t *frame, size_t length);

#endif
