/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frames of the throughput benchmarks: all of one length, numbered, and checked where they arrive. What
 * one of them costs to make and to check is part of what is measured on either side, so it is little.
 */
#ifndef TESTS_BENCH_FRAMES_H
#define TESTS_BENCH_FRAMES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FRAME_TYPE 0x88b5 /* IEEE 802: for local experiments */
#define FRAME_HEADER 14
#define FRAME_MIN 60
#define FRAME_MAX 1514

struct frames {
    unsigned long count;
    size_t octets;   /* of each, without FCS */
    unsigned window; /* so many are under way at most; the sender goes on when half of them have arrived */
    uint8_t frame[FRAME_MAX];
};

/* Read the arguments that all these programs have. Returns 0, or -1 when they are not such numbers. */
static inline int frames_parse(struct frames *frames, char *const words[3])
{
    frames->count = strtoul(words[0], NULL, 10);
    frames->octets = strtoul(words[1], NULL, 10);
    frames->window = (unsigned)strtoul(words[2], NULL, 10);
    for (size_t i = 0; i < sizeof frames->frame; i++)
        frames->frame[i] = (uint8_t)i;
    return frames->count && frames->octets >= FRAME_MIN && frames->octets <= FRAME_MAX && frames->window >= 2
               ? 0
               : -1;
}

/* Whom they go to, and who says that he has sent them. */
static inline void frames_address(struct frames *frames, const uint8_t to[6], const uint8_t from[6])
{
    memcpy(frames->frame, to, 6);
    memcpy(frames->frame + 6, from, 6);
    frames->frame[12] = FRAME_TYPE >> 8;
    frames->frame[13] = FRAME_TYPE & 0xff;
}

/* Make the frame with that number. */
static inline void frames_number(struct frames *frames, unsigned long number)
{
    memcpy(frames->frame + FRAME_HEADER, &number, sizeof number);
}

/* Whether what follows a header is the frame with that number. */
static inline int frames_payload_is(const struct frames *frames, const void *payload, size_t length,
                                    unsigned long number)
{
    const size_t skip = sizeof number;

    return length == frames->octets - FRAME_HEADER && memcmp(payload, &number, skip) == 0 &&
           memcmp((const uint8_t *)payload + skip, frames->frame + FRAME_HEADER + skip, length - skip) == 0;
}

static inline double frames_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What scripts/bench reads: frames and octets per second. */
static inline void frames_tell(const struct frames *frames, double seconds)
{
    printf("%.0f %.0f\n", (double)frames->count / seconds,
           (double)frames->count * (double)frames->octets / seconds);
}

#endif
