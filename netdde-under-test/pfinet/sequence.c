/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing frames with those of a capture: see sequence.h. */
#include "netdde-under-test/pfinet/sequence.h"

#include <stdlib.h>
#include <string.h>

/* A multiplicative hash of 64-bit words: every word's place counts. It costs less than the copy of the frame
 * that is being checked. The constant is that of Knuth's MMIX generator. */
#define CHECKSUM_MULTIPLIER 6364136223846793005ull

static uint64_t checksum_add(uint64_t checksum, const uint8_t *data, size_t length)
{
    uint64_t word;

    checksum = (checksum ^ length) * CHECKSUM_MULTIPLIER;
    for (; length >= sizeof word; data += sizeof word, length -= sizeof word) {
        memcpy(&word, data, sizeof word);
        checksum = (checksum ^ word ^ checksum >> 32) * CHECKSUM_MULTIPLIER;
    }
    word = 0;
    memcpy(&word, data, length);
    return (checksum ^ word ^ checksum >> 32) * CHECKSUM_MULTIPLIER;
}

int sequence_init(struct sequence *sequence, const struct replay *replay, enum replay_direction direction)
{
    size_t count = direction == REPLAY_TO_DEVICE ? replay->to_device_count : replay->from_device_count;

    *sequence = (struct sequence){.frames = calloc(count ? count : 1, sizeof *sequence->frames)};
    if (!sequence->frames)
        return -1;
    for (size_t i = 0; i < replay->frame_count; i++) {
        const struct replay_frame *frame = &replay->frames[i];
        if (frame->direction != direction)
            continue;
        sequence->frames[sequence->count++] = frame;
        sequence->expected_checksum = checksum_add(sequence->expected_checksum, frame->data, frame->length);
    }
    return 0;
}

void sequence_destroy(struct sequence *sequence)
{
    free(sequence->frames);
    *sequence = (struct sequence){0};
}

size_t sequence_match(struct sequence *sequence, const uint8_t *frame, size_t length)
{
    for (size_t i = sequence->next; i < sequence->count; i++) {
        const struct replay_frame *expected = sequence->frames[i];
        if (expected->length != length || memcmp(expected->data, frame, length) != 0)
            continue;
        sequence->next = i + 1;
        sequence->matched++;
        sequence->bytes += length;
        sequence->checksum = checksum_add(sequence->checksum, frame, length);
        return i;
    }
    sequence->wrong++;
    return SEQUENCE_NONE;
}
