/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that must come in the capture's order and byte for byte equal to it, though some may be missing.
 *
 * Networks lose frames, so a gap is counted and is no error. A frame that equals none of those still to come
 * is wrong: damaged, repeated, or out of order. Each frame is compared with the earliest one it can be, which
 * accepts every sequence that is the capture's with frames left out, and no other.
 *
 * A card with several queues keeps only the order within each flow (replay/flow.h): all of this then holds
 * for each flow by itself.
 */
#ifndef NETDDE_PFINET_SEQUENCE_H
#define NETDDE_PFINET_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/replay.h"

enum sequence_order { SEQUENCE_WHOLE, SEQUENCE_BY_FLOW };

struct sequence {
    const struct replay_frame **frames; /* the expected ones, in order; its own array */
    uint32_t *flows;                    /* theirs; NULL: the order is that of all frames */
    bool *past;                         /* with flows: those that have come, or can come no more */
    size_t count;
    size_t next;                /* the first frame that may still come */
    uint64_t matched;           /* frames that came and were right */
    uint64_t bytes;             /* octets of them */
    uint64_t wrong;             /* frames that came and were not */
    uint64_t checksum;          /* over the frames that were right, and their places */
    uint64_t expected_checksum; /* the same when every frame has come */
};

#define SEQUENCE_NONE SIZE_MAX

/* Expect the frames of one direction of replay, which must outlive the sequence. Returns 0, or -1 without
 * memory. */
int sequence_init(struct sequence *sequence, const struct replay *replay, enum replay_direction direction,
                  enum sequence_order order);

/* Free what sequence_init took. */
void sequence_destroy(struct sequence *sequence);

/* A frame came: length octets. Returns which it is, or SEQUENCE_NONE when it is wrong. Not for two threads at
 * once. */
size_t sequence_match(struct sequence *sequence, const uint8_t *frame, size_t length);

#endif
