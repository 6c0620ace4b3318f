/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See message.h. */
#include "netdde-under-test/pfinet/message.h"

#include <string.h>

kern_return_t message_port_new(mach_port_t *port)
{
    kern_return_t result = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, port);

    return result == KERN_SUCCESS ? mach_port_set_qlimit(mach_task_self(), *port, MACH_PORT_QLIMIT_MAX)
                                  : result;
}

void message_port_drop(mach_port_t port)
{
    if (port != MACH_PORT_NULL)
        mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1);
}

size_t message_read(const struct net_rcv_msg *message, uint8_t frame[MESSAGE_FRAME_MAX])
{
    size_t packet = message->net_rcv_msg_packet_count;

    if (message->msg_hdr.msgh_id != NET_RCV_MSG_ID || packet < sizeof(struct packet_header) ||
        packet > NET_RCV_MAX)
        return 0;
    size_t payload = packet - sizeof(struct packet_header);
    memcpy(frame, message->header, ETHERNET_HEADER);
    memcpy(frame + ETHERNET_HEADER, message->packet + sizeof(struct packet_header), payload);
    return ETHERNET_HEADER + payload;
}
