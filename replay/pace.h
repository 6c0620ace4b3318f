/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the frames of a capture go out: at the recorded pace, a multiple of it, a rate, or back to back.
 *
 * None of these is faster than the line: a frame never starts before the frame ahead of it has left a
 * 100 Mbit/s cable (IEEE 802.3: preamble, frame, FCS, interframe gap). The last pace knows no time: a frame
 * goes out when enough of those ahead of it have arrived, as with a peer whom a window holds back.
 */
#ifndef REPLAY_PACE_H
#define REPLAY_PACE_H

#include "replay/replay.h"

#define PACE_LINE_NS_PER_OCTET 80u /* 100 Mbit/s */
#define PACE_LINE_OVERHEAD 24u     /* octets: preamble and start delimiter 8, FCS 4, interframe gap 12 */

enum pace_kind { PACE_RECORDED, PACE_RATE, PACE_LINE, PACE_WINDOW };

struct pace {
    enum pace_kind kind;
    uint64_t thousandths;      /* PACE_RECORDED: how many times as fast, in thousandths; 1000 as recorded */
    uint64_t bytes_per_second; /* PACE_RATE: octets of frames to the device, without FCS */
};

/* Where a playing capture has got to. Start with all zero. */
struct pace_state {
    uint64_t bytes;        /* octets to the device before this frame */
    uint64_t line_free_ns; /* when the frame ahead, and its gap, have left the line */
};

/*
 * Read "recorded", "2x" or "0.25x", "4194304" or "4M" (bytes per second; K, M, G are powers of 1024), "max",
 * or "window".
 *
 * Returns 0 with *pace set, or -1 with a message in error that says what would be accepted.
 */
int pace_parse(const char *text, struct pace *pace, char *error, size_t error_size);

/* The time at which a frame to the device starts, in ns since the capture's first frame, and advance state
 * past it. Call once for each frame to the device, in order. Not for PACE_WINDOW. */
uint64_t pace_next(const struct pace *pace, struct pace_state *state, const struct replay_frame *frame);

#endif
