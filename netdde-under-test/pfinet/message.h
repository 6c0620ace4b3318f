/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every client does: a port for frames, and frames out of the messages that bring them. */
#ifndef NETDDE_PFINET_MESSAGE_H
#define NETDDE_PFINET_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <device/net_status.h>
#include <mach.h>

#define ETHERNET_HEADER 14
/* Room for the longest frame of a message. */
#define MESSAGE_FRAME_MAX (ETHERNET_HEADER + NET_RCV_MAX - sizeof(struct packet_header))

/* A port with the longest queue there is, the caller's. */
kern_return_t message_port_new(mach_port_t *port);

/* Drop it, which ends a receive from it. MACH_PORT_NULL: nothing to do. */
void message_port_drop(mach_port_t port);

/* Put the frame of a message together in frame. Returns its length, 0 for what is no frame. */
size_t message_read(const struct net_rcv_msg *message, uint8_t frame[MESSAGE_FRAME_MAX]);

#endif
