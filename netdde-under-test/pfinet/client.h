/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client: in the place of a TCP/IP stack on the device port, it plays the device's own side of a capture.
 *
 * It opens the device, sets a filter for what is addressed to it, checks each received frame against the
 * capture, and sends the capture's frames as pfinet/script.h says. Threads:
 *
 *   client-rx      receives frames, sends what they make due, starts and deletes acknowledgement timers
 *   client-reply   receives the answers to writes; each makes room in the transmit window
 *   ddekit_timer   DDEKit's: tells client-timer that an acknowledgement's time has come
 *   client-timer   sends it
 *
 * One lock, the stack's, is held while a frame is handled and its answers are sent, as TCP/IP stacks do, so
 * that frames leave in the recorded order. A sender may wait for the window while it holds the lock. That
 * ends: the window opens with the answers to earlier writes, and neither client-reply nor the device server
 * nor the driver needs the lock for that. A driver may need its timers, though, to reset a card that sends
 * nothing any more: so ddekit_timer never takes the lock, nor waits for the window.
 */
#ifndef NETDDE_PFINET_CLIENT_H
#define NETDDE_PFINET_CLIENT_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include <mach.h>

#include "netdde-under-test/pfinet/sequence.h"
#include "replay/replay.h"

#define CLIENT_WINDOW 4 /* writes that may be unanswered at once */
#define CLIENT_MESSAGE_MAX 256

struct client;

struct client_config {
    mach_port_t device_master;   /* where devices are opened */
    const char *device;          /* which */
    const struct replay *replay; /* must outlive the client; NULL: the client only looks at the device */
    enum sequence_order order;   /* that frames must come in */
    void (*delivered)(void);     /* called for each frame received, in client-rx; or NULL */
    /* Called in client-rx for each received frame that is one of the capture's, before it is handled; or
     * NULL. */
    void (*recognised)(const struct replay *replay, const struct replay_frame *frame);
};

/* What the device says about itself. */
struct client_device {
    uint8_t mac[REPLAY_MAC_LENGTH];
    int flags;            /* IFF_* */
    int max_frame_octets; /* with the Ethernet header */
};

struct client_counts {
    uint64_t received;        /* frames that were the capture's, in its order */
    uint64_t received_bytes;  /* octets of them */
    uint64_t wrong;           /* frames that were not */
    uint64_t sent;            /* writes answered with success */
    uint64_t sent_bytes;      /* octets that these answers confirm */
    uint64_t send_errors;     /* writes answered with an error or never, or that did not reach the device */
    uint64_t requested_bytes; /* octets of all writes */
    uint64_t delayed;         /* acknowledgements that the script delays */
    uint64_t by_timer;        /* of them, those that a timer has sent */
    uint64_t checksum;        /* over what was received, and over the capture */
    uint64_t expected_checksum;
};

/*
 * Open the device and start the threads. error: where a message goes, of error_size octets.
 *
 * Returns the client, to be closed with client_close, or NULL with the message.
 */
struct client *client_open(const struct client_config *config, char *error, size_t error_size);

struct client_device client_device(const struct client *client);

/* The port that its frames come to. */
mach_port_t client_port(const struct client *client);

/* Send what the capture's device sent before it received anything. Once. */
void client_start(struct client *client);

/* Send what has not been sent, and wait until every write is answered, for so long at most; 0: for as long as
 * it takes. When no frame comes any more. Returns whether all were answered; what was not is an error of
 * sending. */
bool client_finish(struct client *client, unsigned patience_ms);

/* After client_finish. */
struct client_counts client_counts(const struct client *client);

/* Close the device, end the threads, free the client. Returns what device_close answered. */
kern_return_t client_close(struct client *client);

#endif
