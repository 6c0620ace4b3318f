/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which frame is sent when: see script.h. */
#include "netdde-under-test/pfinet/script.h"

#include <stdbool.h>
#include <stdlib.h>

#include "netdde-under-test/pfinet/segment.h"

#define NS_PER_MS 1000000ull

/* The capture up to the frame at hand. */
struct reading {
    uint32_t peers;            /* the peer's frames so far */
    uint32_t peers_since_send; /* of them, after the client's last frame */
    uint64_t last_peer_ns;     /* when the last of them came */
    uint32_t unacknowledged;   /* the first data segment since the client's last frame: it and the frames
                                  before it are so many; 0 if there is none */
    uint64_t first_unacknowledged_ns; /* when that segment came */
};

static void read_peer_frame(struct reading *reading, const struct replay_frame *frame)
{
    struct segment segment;

    reading->peers++;
    reading->peers_since_send++;
    reading->last_peer_ns = frame->time_ns;
    if (reading->unacknowledged == 0 && segment_parse(frame->data, frame->length, &segment) &&
        segment.payload > 0) {
        reading->unacknowledged = reading->peers;
        reading->first_unacknowledged_ns = frame->time_ns;
    }
}

static struct script_send read_client_frame(const struct reading *reading, const struct replay_frame *frame)
{
    struct script_send send = {.frame = frame, .due = reading->peers};
    struct segment segment;

    if (reading->unacknowledged == 0 || !segment_parse(frame->data, frame->length, &segment) ||
        !segment_is_pure_ack(&segment))
        return send;
    bool late = frame->time_ns - reading->last_peer_ns > SCRIPT_AT_ONCE_NS;
    if (!late && reading->peers_since_send <= 1)
        return send;
    uint64_t recorded_ms = (frame->time_ns - reading->first_unacknowledged_ns + NS_PER_MS - 1) / NS_PER_MS;
    send.arm = reading->unacknowledged;
    send.delay_ms = recorded_ms > SCRIPT_DELAY_MS ? (uint32_t)recorded_ms : SCRIPT_DELAY_MS;
    /* The peer's last frame did not make the recorded client send, so only a further one may. */
    if (late)
        send.due++;
    return send;
}

int script_init(struct script *script, const struct replay *replay)
{
    struct reading reading = {0};

    *script = (struct script){
        .sends = calloc(replay->from_device_count ? replay->from_device_count : 1, sizeof *script->sends)};
    if (!script->sends)
        return -1;
    for (size_t i = 0; i < replay->frame_count; i++) {
        const struct replay_frame *frame = &replay->frames[i];
        if (frame->direction == REPLAY_TO_DEVICE) {
            read_peer_frame(&reading, frame);
            continue;
        }
        struct script_send send = read_client_frame(&reading, frame);
        script->delayed += send.arm != 0;
        script->sends[script->count++] = send;
        reading.peers_since_send = 0;
        reading.unacknowledged = 0;
    }
    return 0;
}

void script_destroy(struct script *script)
{
    free(script->sends);
    *script = (struct script){0};
}
