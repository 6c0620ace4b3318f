/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where every received frame got to. A frame is outstanding from the moment the NIC accepts it until it is
 * delivered to the client or dropped somewhere that says so; lockcheck takes a quiescent machine with frames
 * outstanding for a hang.
 *
 * The functions may be called from any thread. Those that count take no lock, but for telling a thread that
 * waits in account_wait_outstanding, and never block.
 */
#ifndef HARNESS_WIRE_ACCOUNT_H
#define HARNESS_WIRE_ACCOUNT_H

#include <stdint.h>

enum account_drop {
    ACCOUNT_DROP_NIC,         /* in the NIC's ring or FIFO, not read by the driver, when the NIC was reset */
    ACCOUNT_DROP_DRIVER,      /* by the driver: no memory, bad length */
    ACCOUNT_DROP_NO_FILTER,   /* matched no client's filter */
    ACCOUNT_DROP_PORT_FULL,   /* the client's port was full */
    ACCOUNT_DROP_CLIENT_GONE, /* the client's port is dead, or the client stopped with the frame queued */
    ACCOUNT_DROPS
};

struct account {
    uint64_t accepted;
    uint64_t delivered;
    uint64_t dropped[ACCOUNT_DROPS];
};

/* The NIC has taken a frame from the wire. Called before the driver can see the frame. */
void account_frame_accepted(void);

/* A client has received the frame. If several clients match, the one that delivers first counts. */
void account_frame_delivered(void);

/* The frame is lost, and where. */
void account_frame_dropped(enum account_drop where);

/* The counts until now. */
struct account account_read(void);

/* Frames accepted and neither delivered nor dropped. */
uint64_t account_outstanding(void);

/* Block until at most so many frames are outstanding. With 0 for the time when the wire has finished: with
 * frames still coming none is whenever the driver is faster than the wire. */
void account_wait_outstanding(uint64_t most);

/* Words for a summary: "the port was full". */
const char *account_drop_name(enum account_drop where);

#endif
