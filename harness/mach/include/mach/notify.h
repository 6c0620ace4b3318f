/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages the kernel sends about ports, asked for by mach_port_request_notification(). After the GNU Mach
 * Reference Manual, "Request Notifications". Left out: port-destroyed, send-once and message-accepted.
 */
#ifndef HARNESS_MACH_NOTIFY_H
#define HARNESS_MACH_NOTIFY_H

#include <mach/message.h>

#define MACH_NOTIFY_FIRST 0100
#define MACH_NOTIFY_NO_SENDERS (MACH_NOTIFY_FIRST + 006)
#define MACH_NOTIFY_DEAD_NAME (MACH_NOTIFY_FIRST + 010)

typedef struct {
    mach_msg_header_t not_header;
    mach_msg_type_t not_type;         /* MACH_MSG_TYPE_INTEGER_32 */
    mach_msg_type_number_t not_count; /* the port's make-send count */
    int not_padding;
} mach_no_senders_notification_t;

typedef struct {
    mach_msg_header_t not_header;
    mach_msg_type_t not_type; /* MACH_MSG_TYPE_PORT_NAME */
    mach_port_t not_port;     /* the name that is dead now */
    int not_padding;
} mach_dead_name_notification_t;

#endif
