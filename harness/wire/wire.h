/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cable, and the peer at its other end: plays the capture's frames to the NIC at a pace, in a thread
 * named "wire", and takes the frames that the NIC transmits.
 *
 * The thread sleeps on CLOCK_MONOTONIC to each frame's time, so the pace is virtual under lockcheck and real
 * without it. With PACE_WINDOW it waits for room instead, and the cable is as fast as the processor. Left
 * out: collisions, damaged frames, loss, reordering; the cable is full duplex and always plugged in.
 */
#ifndef HARNESS_WIRE_WIRE_H
#define HARNESS_WIRE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "replay/pace.h"
#include "replay/replay.h"

struct wire;

/* PACE_WINDOW: so many frames are under way at most, and the peer goes on when half of them have arrived or
 * are known to be lost. That is what a port holds at most (MACH_PORT_QLIMIT_MAX), so none is lost there. */
#define WIRE_WINDOW 16

/* What a NIC does with a frame that the wire brings. */
enum wire_outcome {
    WIRE_ACCEPTED, /* in the NIC; counted with account_frame_accepted by the NIC */
    WIRE_FILTERED, /* not for this NIC, or its receiver is off */
    WIRE_MISSED,   /* for this NIC, which had no room */
    WIRE_OUTCOMES
};

/* The NIC's side of the plug. frame: length octets without FCS, the wire's; valid during the call. Called in
 * the thread "wire" only. */
typedef enum wire_outcome wire_receive_function(void *nic, const uint8_t *frame, size_t length);

/* The peer's side: a frame has left the NIC. frame: length octets without FCS, valid during the call. number:
 * place among the transmitted frames, from 0. Called in the thread that transmits, one call at a time. */
typedef void wire_transmitted_function(void *opaque, uint64_t number, const uint8_t *frame, size_t length);

struct wire_counters {
    uint64_t played;                  /* frames brought to the NIC */
    uint64_t outcomes[WIRE_OUTCOMES]; /* of them */
    uint64_t transmitted;             /* frames taken from the NIC */
    uint64_t transmitted_bytes;       /* without FCS */
};

/*
 * Make a wire and its thread, which waits for wire_start.
 *
 * replay: what the peer sends; it must outlive the wire; NULL for a silent peer. pace: copied; NULL as
 * recorded.
 *
 * Returns the wire, to be freed with wire_destroy, or NULL with errno set.
 */
struct wire *wire_create(const struct replay *replay, const struct pace *pace);

/* Plug in a NIC. Once, before wire_start; a wire without one counts every frame as filtered. */
void wire_plug(struct wire *wire, wire_receive_function *receive, void *nic);

/* Hear of transmitted frames. Once, before the NIC transmits. */
void wire_on_transmitted(struct wire *wire, wire_transmitted_function *function, void *opaque);

/* A NIC's transmitter puts a frame on the wire: length octets without FCS, copied by nobody after the return.
 * Called by one thread at a time. */
void wire_transmit(struct wire *wire, const uint8_t *frame, size_t length);

/* Begin to play: the first frame's time is now. */
void wire_start(struct wire *wire);

/* Block until every frame has been brought to the NIC. Any number of threads; returns at once afterwards. */
void wire_wait_finished(struct wire *wire);

/* 1 if every frame has been brought to the NIC (or the wire was destroyed meanwhile), else 0. Never blocks.
 */
int wire_finished(const struct wire *wire);

struct wire_counters wire_read_counters(const struct wire *wire);

/* Stop playing after the frame in hand, with PACE_WINDOW when there is room for it, and free the wire. The
 * NIC must not transmit any more. NULL is fine. */
void wire_destroy(struct wire *wire);

/* Tell lockcheck that the calling thread takes up this frame of the capture, for reports. */
void wire_name_frame(const struct replay *replay, const struct replay_frame *frame);

#endif
