/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The message that tells of an interrupt (GNU Mach's first protocol for user-level drivers).
 */
#ifndef HARNESS_DEVICE_NOTIFY_H
#define HARNESS_DEVICE_NOTIFY_H

#include <mach/message.h>

#define MACH_INTR_NOTIFY 424242

typedef struct {
    mach_msg_header_t intr_header; /* msgh_id: MACH_INTR_NOTIFY */
    mach_msg_type_t intr_type;     /* MACH_MSG_TYPE_INTEGER_32, one */
    int line;
    int padding;
} mach_intr_notification_t;

#endif
