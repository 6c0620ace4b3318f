/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing frames with those of a capture: see sequence.h. */
#include "netdde-under-test/pfinet/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "replay/flow.h"

/* Of a frame at that place: a multiplicative hash of 64-bit words, where every word's place counts. It costs
 * less than the copy of the frame that is being checked. The constant is that of Knuth's MMIX generator. */
#define CHECKSUM_MULTIPLIER 6364136223846793005ull

static uint64_t frame_checksum(size_t place, const uint8_t *data, size_t length)
{
    uint64_t checksum = (place + 1) * CHECKSUM_MULTIPLIER, word;

    checksum = (checksum ^ length) * CHECKSUM_MULTIPLIER;
    for (; length >= sizeof word; data += sizeof word, length -= sizeof word) {
        memcpy(&word, data, sizeof word);
        checksum = (checksum ^ word ^ checksum >> 32) * CHECKSUM_MULTIPLIER;
    }
    word = 0;
    memcpy(&word, data, length);
    return (checksum ^ word ^ checksum >> 32) * CHECKSUM_MULTIPLIER;
}

static void expect(struct sequence *sequence, const struct replay_frame *frame)
{
    size_t place = sequence->count++;

    sequence->frames[place] = frame;
    if (sequence->flows)
        sequence->flows[place] = flow_hash(frame->data, frame->length);
    sequence->expected_checksum += frame_checksum(place, frame->data, frame->length);
}

int sequence_init(struct sequence *sequence, const struct replay *replay, enum replay_direction direction,
                  enum sequence_order order)
{
    size_t count = direction == REPLAY_TO_DEVICE ? replay->to_device_count : replay->from_device_count;

    *sequence = (struct sequence){.frames = calloc(count + 1, sizeof *sequence->frames)};
    if (order == SEQUENCE_BY_FLOW) {
        sequence->flows = calloc(count + 1, sizeof *sequence->flows);
        sequence->past = calloc(count + 1, sizeof *sequence->past);
    }
    if (!sequence->frames || (order == SEQUENCE_BY_FLOW && !(sequence->flows && sequence->past))) {
        sequence_destroy(sequence);
        return -1;
    }
    for (size_t i = 0; i < replay->frame_count; i++) {
        const struct replay_frame *frame = &replay->frames[i];
        if (frame->direction == direction)
            expect(sequence, frame);
    }
    return 0;
}

void sequence_destroy(struct sequence *sequence)
{
    free(sequence->frames);
    free(sequence->flows);
    free(sequence->past);
    *sequence = (struct sequence){0};
}

/* Whether a frame of that flow may be the one at that place. */
static bool may_come(const struct sequence *sequence, size_t place, uint32_t flow)
{
    return !sequence->flows || (sequence->flows[place] == flow && !sequence->past[place]);
}

/* A frame of that flow has come: it and what was before it come no more. */
static void pass(struct sequence *sequence, size_t place, uint32_t flow)
{
    if (!sequence->flows) {
        sequence->next = place + 1;
        return;
    }
    for (size_t i = sequence->next; i <= place; i++)
        sequence->past[i] |= sequence->flows[i] == flow;
    while (sequence->next < sequence->count && sequence->past[sequence->next])
        sequence->next++;
}

size_t sequence_match(struct sequence *sequence, const uint8_t *frame, size_t length)
{
    uint32_t flow = sequence->flows ? flow_hash(frame, length) : 0;

    for (size_t i = sequence->next; i < sequence->count; i++) {
        const struct replay_frame *expected = sequence->frames[i];
        if (!may_come(sequence, i, flow) || expected->length != length ||
            memcmp(expected->data, frame, length) != 0)
            continue;
        pass(sequence, i, flow);
        sequence->matched++;
        sequence->bytes += length;
        sequence->checksum += frame_checksum(i, frame, length);
        return i;
    }
    sequence->wrong++;
    return SEQUENCE_NONE;
}
