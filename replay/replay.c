/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture reader. libpcap reads both file formats (pcap: draft-ietf-opsawg-pcap, pcapng:
 * draft-ietf-opsawg-pcapng); this file decides which host is the device and which frames are usable.
 *
 * Looks into a frame only to find TCP's first SYN: Ethernet with at most one IEEE 802.1Q tag, IPv4 (RFC 791)
 * or IPv6 (RFC 8200) without extension headers, TCP (RFC 9293). Left out: fragments, other encapsulations.
 */
#include "replay/replay.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pcap/pcap.h>

#define ETHERNET_HEADER 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define IPPROTO_TCP_NUMBER 6
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_ACK 0x10

#define NS_PER_S 1000000000ull
#define FRAMES_MAX (1u << 20) /* about 1.5 GB of full frames; a longer capture is refused, not half used */
#define HOSTS_MAX 64 /* different addresses that are counted to find the device; more are not looked at */
#define HOSTS_NAMED_MAX 4 /* in a message */
#define MAC_TEXT_SIZE 18

struct host {
    uint8_t mac[REPLAY_MAC_LENGTH];
    uint64_t bytes_to;
};

/* A capture while it is read: what the frames point into may still move. */
struct reading {
    struct replay *replay;
    size_t *offsets; /* of each frame's data in the storage */
    size_t frames_size;
    size_t storage_used;
    size_t storage_size;
    int64_t first_ns;
    size_t backwards;
    uint32_t records; /* read so far */
};

static void report(char *error, size_t error_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void report(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;

    if (!error_size)
        return;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
}

static void warn(struct replay *replay, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(struct replay *replay, const char *format, ...)
{
    va_list arguments;
    char *text;
    int used;

    if (replay->warning_count == REPLAY_WARNINGS_MAX)
        return;
    text = replay->warnings[replay->warning_count++];
    used = snprintf(text, REPLAY_MESSAGE_MAX, "%s: ", replay->path);
    if (used < 0 || used >= REPLAY_MESSAGE_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text + used, REPLAY_MESSAGE_MAX - (size_t)used, format, arguments);
    va_end(arguments);
}

static void mac_text(const uint8_t *mac, char text[MAC_TEXT_SIZE])
{
    snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
}

static int mac_equal(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, REPLAY_MAC_LENGTH) == 0;
}

static int is_group(const uint8_t *mac)
{
    return mac[0] & 1; /* IEEE 802.3 section 3.2.3: broadcast and multicast */
}

int replay_parse_mac(const char *text, uint8_t mac[REPLAY_MAC_LENGTH])
{
    static const uint8_t none[REPLAY_MAC_LENGTH];
    unsigned parts[REPLAY_MAC_LENGTH];
    int used = 0;
    char separators[REPLAY_MAC_LENGTH];

    separators[5] = '\0';
    if (strspn(text, "0123456789abcdefABCDEF:-") != strlen(text))
        return -1;
    if (sscanf(text, "%2x%c%2x%c%2x%c%2x%c%2x%c%2x%n", &parts[0], &separators[0], &parts[1], &separators[1],
               &parts[2], &separators[2], &parts[3], &separators[3], &parts[4], &separators[4], &parts[5],
               &used) != 11 ||
        text[used])
        return -1;
    for (int i = 0; i < 5; i++)
        if ((separators[i] != ':' && separators[i] != '-') || separators[i] != separators[0])
            return -1;
    for (int i = 0; i < REPLAY_MAC_LENGTH; i++)
        mac[i] = (uint8_t)parts[i];
    return is_group(mac) || mac_equal(mac, none) ? -1 : 0;
}

/* Make room for one more frame of length octets. Returns 0, or -1 without memory. */
static int make_room(struct reading *reading, size_t length)
{
    struct replay *replay = reading->replay;

    if (replay->frame_count == reading->frames_size) {
        size_t size = reading->frames_size ? 2 * reading->frames_size : 1024;
        struct replay_frame *frames = realloc(replay->frames, size * sizeof *frames);
        size_t *offsets;

        if (!frames)
            return -1;
        replay->frames = frames;
        offsets = realloc(reading->offsets, size * sizeof *offsets);
        if (!offsets)
            return -1;
        reading->offsets = offsets;
        reading->frames_size = size;
    }
    if (reading->storage_used + length > reading->storage_size) {
        size_t size = 2 * reading->storage_size + length + 65536;
        uint8_t *storage = realloc(replay->storage, size);

        if (!storage)
            return -1;
        replay->storage = storage;
        reading->storage_size = size;
    }
    return 0;
}

/* Take a record of the capture, or count why not. Returns 0, or -1 without memory. */
static int take_record(struct reading *reading, const struct pcap_pkthdr *header, const uint8_t *data)
{
    struct replay *replay = reading->replay;
    struct replay_frame *frame;
    uint32_t length = header->len < REPLAY_FRAME_MIN ? REPLAY_FRAME_MIN : header->len;
    /* Opened with nanosecond precision. Unsigned, since a damaged time stamp may be any number. */
    int64_t ns = (int64_t)((uint64_t)header->ts.tv_sec * NS_PER_S + (uint64_t)header->ts.tv_usec);
    uint64_t since_first, before;

    reading->records++;
    if (header->len > REPLAY_FRAME_MAX) {
        replay->skipped_oversize++;
        return 0;
    }
    if (header->caplen < header->len) {
        replay->skipped_partial++;
        return 0;
    }
    if (header->caplen < ETHERNET_HEADER) {
        replay->skipped_short++;
        return 0;
    }
    if (make_room(reading, length))
        return -1;
    if (!replay->frame_count)
        reading->first_ns = ns;
    before = replay->frame_count ? replay->frames[replay->frame_count - 1].time_ns : 0;
    since_first = ns < reading->first_ns ? 0 : (uint64_t)ns - (uint64_t)reading->first_ns;
    if (since_first < before || ns < reading->first_ns) {
        reading->backwards++;
        since_first = before;
    }
    frame = &replay->frames[replay->frame_count];
    *frame = (struct replay_frame){
        .time_ns = since_first, .length = length, .captured_length = header->len, .number = reading->records};
    memcpy(replay->storage + reading->storage_used, data, header->len);
    memset(replay->storage + reading->storage_used + header->len, 0, length - header->len);
    reading->offsets[replay->frame_count++] = reading->storage_used;
    reading->storage_used += length;
    return 0;
}

/* Read every record of an open capture. Returns 0, or -1 with a message. */
static int read_records(struct reading *reading, pcap_t *capture, char *error, size_t error_size)
{
    struct replay *replay = reading->replay;
    struct pcap_pkthdr *header;
    const uint8_t *data;
    int got;

    while ((got = pcap_next_ex(capture, &header, &data)) == 1) {
        if (replay->frame_count == FRAMES_MAX) {
            report(error, error_size, "%s: has more than %u frames; cut a part out with 'editcap -r'",
                   replay->path, FRAMES_MAX);
            return -1;
        }
        if (take_record(reading, header, data)) {
            report(error, error_size, "%s: %s", replay->path, strerror(ENOMEM));
            return -1;
        }
    }
    if (got == PCAP_ERROR) {
        replay->truncated = 1;
        warn(replay, "the capture is cut or damaged after frame %zu (%s); the frames before are used",
             replay->frame_count, pcap_geterr(capture));
    }
    return 0;
}

static unsigned get16(const uint8_t *data)
{
    return (unsigned)data[0] << 8 | data[1];
}

/* 1 if the frame opens a TCP connection: SYN without ACK. */
static int opens_connection(const struct replay_frame *frame)
{
    const uint8_t *end = frame->data + frame->captured_length;
    const uint8_t *type = frame->data + 12;
    const uint8_t *ip, *tcp;

    if (get16(type) == ETHERTYPE_VLAN)
        type += 4;
    ip = type + 2;
    if (end - ip < 40) /* the shortest of IPv4 with TCP, and of IPv6 */
        return 0;
    if (get16(type) == ETHERTYPE_IPV4 && ip[9] == IPPROTO_TCP_NUMBER)
        tcp = ip + 4 * (ip[0] & 15);
    else if (get16(type) == ETHERTYPE_IPV6 && ip[6] == IPPROTO_TCP_NUMBER)
        tcp = ip + 40;
    else
        return 0;
    return end - tcp >= 20 && (tcp[13] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
}

/* Count the octets to each host, in the order in which they appear. Returns how many hosts there are. */
static size_t count_hosts(const struct replay *replay, struct host hosts[HOSTS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < replay->frame_count; i++) {
        const uint8_t *to = replay->frames[i].data;
        size_t h = 0;

        if (is_group(to))
            continue;
        while (h < count && !mac_equal(hosts[h].mac, to))
            h++;
        if (h == HOSTS_MAX)
            continue;
        if (h == count) {
            memcpy(hosts[h].mac, to, REPLAY_MAC_LENGTH);
            hosts[h].bytes_to = 0;
            count++;
        }
        hosts[h].bytes_to += replay->frames[i].length;
    }
    return count;
}

/* Find the device, by the rule of replay_open. Returns 0, or -1 with a message. */
static int find_device(struct replay *replay, char *error, size_t error_size)
{
    struct host hosts[HOSTS_MAX];
    size_t count, best = 0;

    for (size_t i = 0; i < replay->frame_count; i++) {
        const uint8_t *from = replay->frames[i].data + REPLAY_MAC_LENGTH;

        if (!is_group(from) && opens_connection(&replay->frames[i])) {
            memcpy(replay->mac, from, REPLAY_MAC_LENGTH);
            return 0;
        }
    }
    count = count_hosts(replay, hosts);
    for (size_t h = 1; h < count; h++)
        if (hosts[h].bytes_to > hosts[best].bytes_to)
            best = h;
    if (!count) {
        report(error, error_size,
               "%s: no frame is addressed to a single host, so there is nothing for a device to receive",
               replay->path);
        return -1;
    }
    memcpy(replay->mac, hosts[best].mac, REPLAY_MAC_LENGTH);
    return 0;
}

/* Name the hosts that a capture has frames for. */
static void name_hosts(const struct replay *replay, char *text, size_t size)
{
    struct host hosts[HOSTS_MAX];
    size_t count = count_hosts(replay, hosts);
    size_t used = 0;

    text[0] = '\0';
    for (size_t h = 0; h < count && h < HOSTS_NAMED_MAX && used + MAC_TEXT_SIZE + 2 < size; h++) {
        if (h)
            used += (size_t)snprintf(text + used, size - used, ", ");
        mac_text(hosts[h].mac, text + used);
        used += MAC_TEXT_SIZE - 1;
    }
}

/* Say of each frame who sent it, once the device is known. Returns 0, or -1 with a message. */
static int direct_frames(struct replay *replay, char *error, size_t error_size)
{
    size_t for_device = 0;

    for (size_t i = 0; i < replay->frame_count; i++) {
        struct replay_frame *frame = &replay->frames[i];

        if (mac_equal(frame->data + REPLAY_MAC_LENGTH, replay->mac)) {
            frame->direction = REPLAY_FROM_DEVICE;
            frame->index = (uint32_t)replay->from_device_count++;
            replay->from_device_bytes += frame->length;
        } else {
            frame->direction = REPLAY_TO_DEVICE;
            frame->index = (uint32_t)replay->to_device_count++;
            replay->to_device_bytes += frame->length;
            for_device += mac_equal(frame->data, replay->mac);
        }
    }
    if (!for_device) {
        char mac[MAC_TEXT_SIZE], hosts[HOSTS_NAMED_MAX * (MAC_TEXT_SIZE + 2)];

        mac_text(replay->mac, mac);
        name_hosts(replay, hosts, sizeof hosts);
        report(error, error_size, "%s: no frame is addressed to the device %s; the capture has frames for %s",
               replay->path, mac, hosts[0] ? hosts : "nobody in particular");
        return -1;
    }
    return 0;
}

/* Open the file and check that it is a capture of Ethernet frames. Returns it, or NULL with a message. */
static pcap_t *open_capture(const char *path, char *error, size_t error_size)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    struct stat status;
    pcap_t *capture;
    int type;

    if (stat(path, &status)) {
        report(error, error_size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) {
        report(error, error_size, "%s: is not a file; a pcap or pcapng capture is needed", path);
        return NULL;
    }
    capture = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (!capture) {
        report(error, error_size, "%s: is not a usable capture (%s); a pcap or pcapng file is needed", path,
               reason);
        return NULL;
    }
    type = pcap_datalink(capture);
    if (type != DLT_EN10MB) {
        const char *name = pcap_datalink_val_to_name(type);

        report(error, error_size,
               "%s: is a capture of link type %s (%d), not of Ethernet (EN10MB); capture on one Ethernet "
               "interface, not on 'any'",
               path, name ? name : "unknown", type);
        pcap_close(capture);
        return NULL;
    }
    return capture;
}

static void warn_of_skipped(const struct reading *reading)
{
    struct replay *replay = reading->replay;

    if (replay->skipped_partial)
        warn(replay,
             "%zu frames are left out: the capture holds a part of them only (capture with 'tcpdump -s 0')",
             replay->skipped_partial);
    if (replay->skipped_oversize)
        warn(replay,
             "%zu frames are left out: they are longer than %d bytes (turn offloads off with 'ethtool -K')",
             replay->skipped_oversize, REPLAY_FRAME_MAX);
    if (replay->skipped_short)
        warn(replay, "%zu frames are left out: they are shorter than an Ethernet header",
             replay->skipped_short);
    if (reading->backwards)
        warn(replay, "%zu frames are stamped earlier than one before them; they follow it at once",
             reading->backwards);
}

struct replay *replay_open(const char *path, const uint8_t *mac, char *error, size_t error_size)
{
    struct reading reading = {0};
    struct replay *replay = NULL;
    pcap_t *capture = open_capture(path, error, error_size);
    int bad;

    if (!capture)
        return NULL;
    replay = calloc(1, sizeof *replay);
    if (!replay || !(replay->path = strdup(path))) {
        report(error, error_size, "%s: %s", path, strerror(ENOMEM));
        free(replay);
        pcap_close(capture);
        return NULL;
    }
    reading.replay = replay;
    bad = read_records(&reading, capture, error, error_size);
    pcap_close(capture);
    for (size_t i = 0; i < replay->frame_count; i++)
        replay->frames[i].data = replay->storage + reading.offsets[i];
    free(reading.offsets);
    warn_of_skipped(&reading);
    if (!bad && !replay->frame_count) {
        report(error, error_size, "%s: has no whole Ethernet frame%s%s", path,
               replay->warning_count ? "; " : "",
               replay->warning_count ? replay->warnings[0] + strlen(path) + 2 : "");
        bad = -1;
    }
    if (!bad && mac)
        memcpy(replay->mac, mac, REPLAY_MAC_LENGTH);
    else if (!bad)
        bad = find_device(replay, error, error_size);
    if (!bad)
        bad = direct_frames(replay, error, error_size);
    if (bad) {
        replay_close(replay);
        return NULL;
    }
    return replay;
}

void replay_close(struct replay *replay)
{
    if (!replay)
        return;
    free(replay->storage);
    free(replay->frames);
    free(replay->path);
    free(replay);
}
