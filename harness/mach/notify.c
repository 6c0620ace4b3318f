/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notifications about ports. See <mach/notify.h>.
 */
#include "harness/mach/ipc.h"

#include <lockcheck.h>

static void send_dead_name(mach_port_t to, mach_port_t name)
{
    mach_dead_name_notification_t message = {
        .not_header = {.msgh_remote_port = to, .msgh_id = MACH_NOTIFY_DEAD_NAME},
        .not_type = {.msgt_name = MACH_MSG_TYPE_PORT_NAME,
                     .msgt_size = 32,
                     .msgt_inline = TRUE,
                     .msgt_number = 1},
        .not_port = name,
    };
    kernel_send(&message.not_header, sizeof(message));
}

static void send_no_senders(mach_port_t to, mach_port_mscount_t made_send)
{
    mach_no_senders_notification_t message = {
        .not_header = {.msgh_remote_port = to, .msgh_id = MACH_NOTIFY_NO_SENDERS},
        .not_type = {.msgt_name = MACH_MSG_TYPE_INTEGER_32,
                     .msgt_size = 32,
                     .msgt_inline = TRUE,
                     .msgt_number = 1},
        .not_count = made_send,
    };
    kernel_send(&message.not_header, sizeof(message));
}

void notification_send(const struct notification *notification)
{
    if (notification->dead_to)
        send_dead_name(notification->dead_to, notification->dead_name);
    if (notification->no_senders_to)
        send_no_senders(notification->no_senders_to, notification->made_send);
}

/* Called with the port's lock held. Returns the port that was to be told. */
static mach_port_t request_no_senders(struct slot *port, mach_port_mscount_t sync, mach_port_t notify,
                                      struct notification *now)
{
    mach_port_t previous = port->notify_no_senders;
    port->notify_no_senders = notify;
    if (notify && port->send_rights == 0 && port->made_send >= sync) {
        now->no_senders_to = notify;
        now->made_send = port->made_send;
        port->notify_no_senders = 0;
    }
    return previous;
}

kern_return_t mach_port_request_notification(ipc_space_t task, mach_port_t name, mach_msg_id_t variant,
                                             mach_port_mscount_t sync, mach_port_t notify,
                                             mach_msg_type_name_t notify_type, mach_port_t *previous)
{
    if (task != mach_task_self())
        return KERN_INVALID_TASK;
    if (variant != MACH_NOTIFY_DEAD_NAME && variant != MACH_NOTIFY_NO_SENDERS)
        return KERN_INVALID_VALUE;
    if (notify_type != MACH_MSG_TYPE_MAKE_SEND_ONCE && notify_type != MACH_MSG_TYPE_MOVE_SEND_ONCE)
        return KERN_INVALID_VALUE;
    if (notify != MACH_PORT_NULL && !port_exists(notify))
        return KERN_INVALID_RIGHT;

    struct notification now = {0};
    struct slot *slot = slot_lock(name);
    kern_return_t result = KERN_SUCCESS;
    if (!slot)
        return KERN_INVALID_NAME;
    *previous = MACH_PORT_NULL;
    if (slot->kind == SLOT_PORT && variant == MACH_NOTIFY_DEAD_NAME) {
        *previous = slot->notify_dead;
        slot->notify_dead = notify;
    } else if (slot->kind == SLOT_PORT) {
        *previous = request_no_senders(slot, sync, notify, &now);
    } else if (slot->kind == SLOT_DEAD && variant == MACH_NOTIFY_DEAD_NAME && sync != 0 && notify) {
        now.dead_to = notify;
        now.dead_name = name;
    } else {
        result = slot->kind == SLOT_DEAD ? KERN_INVALID_ARGUMENT : KERN_INVALID_RIGHT;
    }
    pthread_mutex_unlock(&slot->lock);
    notification_send(&now);
    return result;
}
