/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting threads of the generations legacy and drain: see waiter.h.
 */
#include <assert.h>
#include <ddekit/assert.h>
#include "../thread_record.h"
#include "waiter.h"

/* A wake-up is a message without a body; its number says what it is to somebody who looks at the port. */
#define WAKEUP_MESSAGE_ID 23

void waiter_list_init(struct waiter *head)
{
    head->next = head->previous = head;
}

void waiter_link_last(struct waiter *head, struct waiter *waiter)
{
    waiter->next = head;
    waiter->previous = head->previous;
    head->previous->next = waiter;
    head->previous = waiter;
    waiter->linked = true;
}

void waiter_unlink(struct waiter *waiter)
{
    assert(waiter->linked);
    waiter->previous->next = waiter->next;
    waiter->next->previous = waiter->previous;
    waiter->linked = false;
}

struct waiter *waiter_first(struct waiter *head)
{
    return head->next == head ? NULL : head->next;
}

struct waiter *waiter_self(void)
{
    struct waiter *self = &thread_self()->waiter;
    kern_return_t error;

    if (self->wakeup_port == MACH_PORT_NULL) {
        error = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &self->wakeup_port);
        ddekit_assert(!error);
        error = mach_port_insert_right(mach_task_self(), self->wakeup_port, self->wakeup_port,
                                       MACH_MSG_TYPE_MAKE_SEND);
        ddekit_assert(!error);
    }
    return self;
}

void waiter_destroy(struct waiter *waiter)
{
    if (waiter->wakeup_port != MACH_PORT_NULL)
        mach_port_destroy(mach_task_self(), waiter->wakeup_port);
}

void waiter_wakeup(mach_port_t wakeup_port)
{
    mach_msg_header_t message = {
        .msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
        .msgh_size = sizeof message,
        .msgh_remote_port = wakeup_port,
        .msgh_id = WAKEUP_MESSAGE_ID,
    };
    mach_msg_return_t error = mach_msg(&message, MACH_SEND_MSG, sizeof message, 0, MACH_PORT_NULL,
                                       MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);

    /* Only in legacy can a thread end that is still to be woken. */
    ddekit_assert(!error || error == MACH_SEND_INVALID_DEST);
}

void waiter_block(struct waiter *self)
{
    mach_msg_header_t message;
    mach_msg_return_t error = mach_msg(&message, MACH_RCV_MSG, 0, sizeof message, self->wakeup_port,
                                       MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);

    ddekit_assert(!error);
}

bool waiter_block_timed(struct waiter *self, int milliseconds)
{
    mach_msg_header_t message;
    mach_msg_return_t error = mach_msg(&message, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof message,
                                       self->wakeup_port, (mach_msg_timeout_t)milliseconds, MACH_PORT_NULL);

    ddekit_assert(!error || error == MACH_RCV_TIMED_OUT);
    return !error;
}
