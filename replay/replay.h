/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture as the traffic of one device: every Ethernet frame of a pcap or pcapng file, with the side that
 * sent it and the time since the first.
 *
 * Left out: link types other than Ethernet; frames of which the capture holds a part only (they are counted);
 * a capture's comments, interface names and name resolutions.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#define REPLAY_MAC_LENGTH 6
#define REPLAY_FRAME_MIN                                                                                     \
    60 /* octets without FCS: IEEE 802.3 section 3.2.7; shorter ones were padded on the cable */
#define REPLAY_FRAME_MAX                                                                                     \
    1518 /* octets without FCS, with one IEEE 802.1Q tag; longer ones show an offload                        \
          */
#define REPLAY_WARNINGS_MAX 6
#define REPLAY_MESSAGE_MAX 512

enum replay_direction {
    REPLAY_TO_DEVICE,   /* what the wire brings: every frame that the device did not send */
    REPLAY_FROM_DEVICE, /* what the device's host sent */
};

struct replay_frame {
    uint64_t time_ns; /* since the first frame of the capture; never less than the frame before */
    enum replay_direction direction;
    uint32_t length; /* octets in data: at least REPLAY_FRAME_MIN, as a cable carries them, without FCS */
    uint32_t captured_length; /* octets that the capture holds; the rest of data is zero padding */
    uint32_t index;           /* place among the frames of its direction, from 0 */
    uint32_t number;          /* place among all records of the capture, from 1, as other tools count them */
    const uint8_t *data;      /* belongs to the replay */
};

struct replay {
    char *path;
    uint8_t mac[REPLAY_MAC_LENGTH]; /* the device's */
    struct replay_frame *frames;    /* in the order of the capture */
    size_t frame_count;
    size_t to_device_count;
    size_t from_device_count;
    uint64_t to_device_bytes; /* sums of length */
    uint64_t from_device_bytes;
    size_t skipped_partial;  /* frames cut by the capture's snapshot length */
    size_t skipped_short;    /* frames without a whole Ethernet header */
    size_t skipped_oversize; /* frames longer than REPLAY_FRAME_MAX */
    int truncated;           /* 1 if the file ends or breaks inside a record; all before it is used */
    char warnings[REPLAY_WARNINGS_MAX][REPLAY_MESSAGE_MAX]; /* each a sentence with the file's name */
    size_t warning_count;
    uint8_t *storage; /* what the frames' data points into */
};

/*
 * Read a capture.
 *
 * path: the file. mac: the device's address, or NULL to find it: the host that opened the first TCP
 * connection (sent the first SYN), or where there is none, the host that the most octets are addressed to.
 * error, error_size: where the message for a capture that cannot be used goes; it names the file and what
 * would be accepted.
 *
 * Returns the capture, to be freed with replay_close, or NULL with the message: no such file, not a capture,
 * another link type than Ethernet, no whole frame, or no frame addressed to the device. A file that ends
 * inside a record is not an error: what is whole is used, and warnings says so.
 */
struct replay *replay_open(const char *path, const uint8_t *mac, char *error, size_t error_size);

/* Free a capture; replay may be NULL. */
void replay_close(struct replay *replay);

/* Read "52:54:00:12:34:56" (one or two hexadecimal digits each, ':' or '-' between). Returns 0, or -1 if text
 * is not the address of one host: malformed, a group address, or all zero. */
int replay_parse_mac(const char *text, uint8_t mac[REPLAY_MAC_LENGTH]);

#endif
