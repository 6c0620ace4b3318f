/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the client sends which of the capture's frames.
 *
 * A frame is due once the peer's frame recorded right before it, or any later one, has been received. An
 * acknowledgement that the capture shows to be delayed waits as it does in TCP (RFC 1122, 4.2.3.2): the first
 * segment it acknowledges starts a timer, and either the recorded trigger (the second segment) comes first
 * and sends it, or the timer does. Delayed is a pure acknowledgement that was not sent at once for the first
 * data segment it acknowledges: more than one of the peer's frames lies between it and the client's frame
 * before it, or it came later than SCRIPT_AT_ONCE_NS after the peer's last frame.
 *
 * Positions are counts of the peer's frames, so that a lost frame delays nothing for ever.
 */
#ifndef NETDDE_PFINET_SCRIPT_H
#define NETDDE_PFINET_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "replay/replay.h"

#define SCRIPT_AT_ONCE_NS 1000000ull /* an answer within this is an answer to the peer's last frame */
#define SCRIPT_DELAY_MS 40u          /* the shortest delayed acknowledgement, as BSD's and Linux's */

struct script_send {
    const struct replay_frame *frame;
    uint32_t due;      /* send when the first `due` frames of the peer's are past */
    uint32_t arm;      /* start the timer when the first `arm` of them are past; 0: not delayed */
    uint32_t delay_ms; /* the timer's time, if delayed */
};

struct script {
    struct script_send *sends; /* in the recorded order, which is the order they are sent in */
    size_t count;
    size_t delayed; /* how many of them are delayed acknowledgements */
};

/* Read the script out of replay, which must outlive it. Returns 0, or -1 without memory. */
int script_init(struct script *script, const struct replay *replay);

/* Free what script_init took. */
void script_destroy(struct script *script);

#endif
