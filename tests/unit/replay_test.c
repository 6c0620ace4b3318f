/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capture reader and its paces: what is used, what is refused with which message, and that no damage to a
 * file gets further than a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "replay/pace.h"
#include "replay/replay.h"

#define FRAMES 6
#define NS_PER_S 1000000000ull

static const uint8_t client[6] = {0x52, 0x54, 0, 0, 0, 1};
static const uint8_t server[6] = {0x52, 0x54, 0, 0, 0, 2};
static const uint8_t other[6] = {0x52, 0x54, 0, 0, 0, 3};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static char path[] = "/tmp/replay_test.XXXXXX";
static char message[REPLAY_MESSAGE_MAX];

static int make_path(void **state)
{
    int file = mkstemp(path);

    (void)state;
    if (file < 0)
        return -1;
    close(file);
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void put_file(const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static size_t get_file(uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    assert_non_null(file);
    got = fread(data, 1, size, file);
    fclose(file);
    return got;
}

/* An Ethernet frame with an IPv4 TCP segment. */
static void make_frame(uint8_t *frame, const uint8_t *to, const uint8_t *from, uint8_t tcp_flags,
                       uint8_t fill, size_t length)
{
    memset(frame, fill, length);
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    frame[12] = 0x08;
    frame[13] = 0x00;
    frame[14] = 0x45;
    frame[14 + 9] = 6;
    frame[34 + 13] = tcp_flags;
}

struct record {
    const uint8_t *to, *from;
    uint8_t tcp_flags;
    uint32_t length, captured;
    uint32_t us;
};

static void write_pcap(int link_type, const struct record *records, size_t count)
{
    pcap_t *dead = pcap_open_dead(link_type, 262144);
    pcap_dumper_t *dump = pcap_dump_open(dead, path);
    uint8_t frame[4096];

    assert_non_null(dump);
    for (size_t i = 0; i < count; i++) {
        struct pcap_pkthdr header = {.ts = {.tv_sec = 1000, .tv_usec = records[i].us},
                                     .caplen = records[i].captured,
                                     .len = records[i].length};

        make_frame(frame, records[i].to, records[i].from, records[i].tcp_flags, (uint8_t)(i + 1),
                   sizeof frame);
        pcap_dump((uint8_t *)dump, &header, frame);
    }
    pcap_dump_close(dump);
    pcap_close(dead);
}

/* The client asks who the server is, opens a connection and is answered; the server then sends the most. */
static const struct record session[FRAMES] = {
    {broadcast, server, 0x10, 42, 42, 10}, {server, client, 0x02, 74, 74, 20},
    {client, server, 0x12, 74, 74, 30},    {client, server, 0x10, 1514, 1514, 40},
    {server, client, 0x10, 66, 66, 45},    {client, server, 0x10, 1514, 1514, 50},
};

static void write_session(void)
{
    write_pcap(DLT_EN10MB, session, FRAMES);
}

static void put32(uint8_t **at, uint32_t value)
{
    memcpy(*at, &value, 4);
    *at += 4;
}

/* The same session as pcapng: section header, interface (nanoseconds), enhanced packet blocks. Returns its
 * size. */
static size_t make_pcapng(uint8_t *data)
{
    uint8_t *at = data;

    put32(&at, 0x0a0d0d0a), put32(&at, 28), put32(&at, 0x1a2b3c4d), put32(&at, 1);
    put32(&at, 0xffffffff), put32(&at, 0xffffffff), put32(&at, 28);
    put32(&at, 1), put32(&at, 32), put32(&at, DLT_EN10MB), put32(&at, 0);
    put32(&at, 9 | 1 << 16), put32(&at, 9), put32(&at, 0),
        put32(&at, 32); /* if_tsresol 10^-9, end of options */
    for (size_t i = 0; i < FRAMES; i++) {
        uint32_t padded = (session[i].length + 3) & ~3u;

        put32(&at, 6), put32(&at, 32 + padded), put32(&at, 0), put32(&at, 1);
        put32(&at, session[i].us * 1000 + 7), put32(&at, session[i].length), put32(&at, session[i].length);
        make_frame(at, session[i].to, session[i].from, session[i].tcp_flags, (uint8_t)(i + 1), padded);
        at += padded;
        put32(&at, 32 + padded);
    }
    return (size_t)(at - data);
}

static struct replay *open_good(const uint8_t *mac)
{
    struct replay *replay;

    message[0] = '\0';
    replay = replay_open(path, mac, message, sizeof message);
    if (!replay)
        fail_msg("%s", message);
    return replay;
}

static void expect_refusal(const uint8_t *mac, const char *why)
{
    message[0] = '\0';
    assert_null(replay_open(path, mac, message, sizeof message));
    if (!strstr(message, why) || !strstr(message, path))
        fail_msg("'%s' does not name '%s' and say '%s'", message, path, why);
}

static void the_device_is_the_host_that_opened_the_connection(void **state)
{
    struct replay *replay;

    (void)state;
    write_session();
    replay = open_good(NULL);
    assert_memory_equal(replay->mac, client, 6);
    assert_int_equal(replay->frame_count, FRAMES);
    assert_int_equal(replay->to_device_count, 4);
    assert_int_equal(replay->from_device_count, 2);
    assert_int_equal(replay->to_device_bytes, 60 + 74 + 1514 + 1514);
    assert_int_equal(replay->warning_count, 0);
    assert_int_equal(replay->frames[0].direction, REPLAY_TO_DEVICE);
    assert_int_equal(replay->frames[1].direction, REPLAY_FROM_DEVICE);
    assert_int_equal(replay->frames[4].index, 1);
    assert_int_equal(replay->frames[5].index, 3);
    assert_int_equal(replay->frames[5].time_ns, 40 * 1000);
    assert_int_equal(replay->frames[5].data[1513], 6);
    replay_close(replay);
}

static void the_device_can_be_given(void **state)
{
    struct replay *replay;

    (void)state;
    write_session();
    replay = open_good(server);
    assert_int_equal(replay->to_device_count, 2);
    assert_int_equal(replay->from_device_count, 4);
    replay_close(replay);
}

static void without_a_connection_the_device_is_who_gets_the_most(void **state)
{
    static const struct record records[] = {{server, other, 0x10, 100, 100, 0},
                                            {other, server, 0x10, 900, 900, 0},
                                            {broadcast, server, 0x10, 1500, 1500, 0}};
    struct replay *replay;

    (void)state;
    write_pcap(DLT_EN10MB, records, 3);
    replay = open_good(NULL);
    assert_memory_equal(replay->mac, other, 6);
    replay_close(replay);
}

static void a_short_frame_is_padded_as_on_a_cable(void **state)
{
    static const uint8_t zeros[18];
    struct replay *replay;

    (void)state;
    write_session();
    replay = open_good(NULL);
    assert_int_equal(replay->frames[0].length, 60);
    assert_int_equal(replay->frames[0].captured_length, 42);
    assert_int_equal(replay->frames[0].data[41], 1);
    assert_memory_equal(replay->frames[0].data + 42, zeros, 18);
    replay_close(replay);
}

static void pcapng_gives_the_same_frames_with_its_own_resolution(void **state)
{
    static uint8_t data[16384];
    struct replay *replay;

    (void)state;
    put_file(data, make_pcapng(data));
    replay = open_good(NULL);
    assert_int_equal(replay->frame_count, FRAMES);
    assert_int_equal(replay->frames[1].time_ns, 10 * 1000);
    assert_int_equal(replay->frames[3].length, 1514);
    assert_int_equal(replay->frames[3].data[1513], 4);
    replay_close(replay);
}

/* Cut the file in path to every length, and check that what is whole is used and the cut is told. */
static void cut_everywhere(const uint8_t *data, size_t size)
{
    size_t best = 0;

    for (size_t length = 0; length <= size; length++) {
        struct replay *replay;

        put_file(data, length);
        message[0] = '\0';
        replay = replay_open(path, client, message, sizeof message);
        if (!replay) {
            assert_int_equal(best, 0); /* more of a file never gives less */
            assert_non_null(strstr(message, path));
            continue;
        }
        assert_true(replay->frame_count >= best);
        assert_true(replay->frame_count == FRAMES || length < size);
        best = replay->frame_count;
        if (replay->truncated)
            assert_non_null(strstr(replay->warnings[0], "cut or damaged after frame"));
        else
            assert_int_equal(replay->warning_count, 0);
        replay_close(replay);
    }
    assert_int_equal(best, FRAMES);
}

static void a_pcap_cut_anywhere_gives_what_is_whole(void **state)
{
    static uint8_t data[16384];

    (void)state;
    write_session();
    cut_everywhere(data, get_file(data, sizeof data));
}

static void a_pcapng_cut_anywhere_gives_what_is_whole(void **state)
{
    static uint8_t data[16384];

    (void)state;
    cut_everywhere(data, make_pcapng(data));
}

static void a_cut_inside_a_frame_is_told(void **state)
{
    static uint8_t data[16384];
    struct replay *replay;
    size_t size;

    (void)state;
    write_session();
    size = get_file(data, sizeof data);
    put_file(data, size - 1);
    replay = open_good(NULL);
    assert_int_equal(replay->truncated, 1);
    assert_int_equal(replay->frame_count, FRAMES - 1);
    assert_non_null(strstr(replay->warnings[0], "cut or damaged after frame 5"));
    replay_close(replay);
}

/* Every byte of both formats overwritten: any outcome but a crash, and a refusal has a message. */
static void damage_gives_frames_or_a_message(void **state)
{
    static uint8_t formats[2][16384];
    size_t sizes[2];

    (void)state;
    write_session();
    sizes[0] = get_file(formats[0], sizeof formats[0]);
    sizes[1] = make_pcapng(formats[1]);
    for (size_t format = 0; format < 2; format++)
        for (size_t i = 0; i < sizes[format]; i++) {
            uint8_t was = formats[format][i];
            struct replay *replay;

            formats[format][i] = 0xff;
            put_file(formats[format], sizes[format]);
            formats[format][i] = was;
            message[0] = '\0';
            replay = replay_open(path, NULL, message, sizeof message);
            if (!replay)
                assert_non_null(strstr(message, path));
            replay_close(replay);
        }
}

static void a_missing_file_is_refused(void **state)
{
    (void)state;
    assert_null(replay_open("/nowhere/to.pcap", NULL, message, sizeof message));
    assert_non_null(strstr(message, "/nowhere/to.pcap: No such file"));
    assert_null(replay_open("/tmp", NULL, message, sizeof message));
    assert_non_null(strstr(message, "/tmp: is not a file"));
}

static void a_file_that_is_no_capture_is_refused(void **state)
{
    (void)state;
    put_file("", 0);
    expect_refusal(NULL, "not a usable capture");
    put_file("# A note, and longer than a capture's header is\n", 48);
    expect_refusal(NULL, "not a usable capture");
}

static void another_link_type_is_refused(void **state)
{
    (void)state;
    write_pcap(DLT_LINUX_SLL, session, FRAMES);
    expect_refusal(NULL, "link type LINUX_SLL (113), not of Ethernet");
}

static void a_capture_without_frames_is_refused(void **state)
{
    (void)state;
    write_pcap(DLT_EN10MB, NULL, 0);
    expect_refusal(NULL, "has no whole Ethernet frame");
}

static void a_capture_without_a_frame_for_the_device_is_refused(void **state)
{
    static const struct record broadcasts[] = {{broadcast, server, 0x10, 60, 60, 0}};
    static const struct record one_way[] = {{server, client, 0x02, 60, 60, 0}};

    (void)state;
    write_session();
    expect_refusal(other, "no frame is addressed to the device 52:54:00:00:00:03; the capture has frames for "
                          "52:54:00:00:00:02, 52:54:00:00:00:01");
    write_pcap(DLT_EN10MB, broadcasts, 1);
    expect_refusal(NULL, "no frame is addressed to a single host");
    write_pcap(DLT_EN10MB, one_way, 1);
    expect_refusal(NULL, "no frame is addressed to the device 52:54:00:00:00:01");
}

static void partial_and_oversize_frames_are_left_out_and_counted(void **state)
{
    static const struct record records[] = {
        {client, server, 0x10, 1514, 96, 0}, {client, server, 0x10, 2962, 2962, 0},
        {client, server, 0x10, 9, 9, 0},     {client, server, 0x10, 60, 60, 90},
        {client, server, 0x10, 60, 60, 30},
    };
    struct replay *replay;

    (void)state;
    write_pcap(DLT_EN10MB, records, 5);
    replay = open_good(NULL);
    assert_int_equal(replay->frame_count, 2);
    assert_int_equal(replay->skipped_partial, 1);
    assert_int_equal(replay->skipped_oversize, 1);
    assert_int_equal(replay->skipped_short, 1);
    assert_int_equal(replay->frames[0].number, 4); /* as tcpdump and Wireshark count them */
    assert_int_equal(replay->frames[1].number, 5);
    assert_int_equal(replay->frames[1].time_ns, 0); /* stamped earlier: never runs backwards */
    assert_int_equal(replay->warning_count, 4);
    assert_non_null(strstr(replay->warnings[0], "tcpdump -s 0"));
    assert_non_null(strstr(replay->warnings[1], "ethtool -K"));
    replay_close(replay);
}

static void the_committed_captures_are_whole(void **state)
{
    static const struct {
        const char *path;
        size_t to_device, from_device;
    } captures[] = {{TRACES "/sftp-download.pcapng", 1488, 779}, {TRACES "/sftp-upload.pcapng", 773, 1490}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct replay *replay = replay_open(captures[i].path, NULL, message, sizeof message);

        if (!replay)
            fail_msg("%s", message);
        assert_int_equal(replay->to_device_count, captures[i].to_device);
        assert_int_equal(replay->from_device_count, captures[i].from_device);
        assert_int_equal(replay->warning_count, 0);
        assert_memory_equal(replay->mac, "\x52\x54\x00\x12\x34\x56", 6);
        replay_close(replay);
    }
}

static void addresses_of_single_hosts_are_read(void **state)
{
    uint8_t mac[6];

    (void)state;
    assert_int_equal(replay_parse_mac("52:54:00:12:34:56", mac), 0);
    assert_memory_equal(mac, "\x52\x54\x00\x12\x34\x56", 6);
    assert_int_equal(replay_parse_mac("2-4-A-b-C-d", mac), 0);
    assert_memory_equal(mac, "\x02\x04\x0a\x0b\x0c\x0d", 6);
    assert_int_equal(replay_parse_mac("", mac), -1);
    assert_int_equal(replay_parse_mac("52:54:00:12:34", mac), -1);
    assert_int_equal(replay_parse_mac("52:54:00:12:34:56:", mac), -1);
    assert_int_equal(replay_parse_mac("52:54:00:12:34:567", mac), -1);
    assert_int_equal(replay_parse_mac("52 54 00 12 34 56", mac), -1);
    assert_int_equal(replay_parse_mac("52:54:00:12:34-56", mac), -1);
    assert_int_equal(replay_parse_mac("01:00:5e:00:00:01", mac), -1);
    assert_int_equal(replay_parse_mac("00:00:00:00:00:00", mac), -1);
}

static uint64_t pace_of(const char *rate, uint64_t time_ns, uint32_t length, struct pace_state *state)
{
    struct replay_frame frame = {.time_ns = time_ns, .length = length};
    struct pace pace;

    assert_int_equal(pace_parse(rate, &pace, message, sizeof message), 0);
    return pace_next(&pace, state, &frame);
}

static void paces_are_recorded_multiple_rate_line_and_window(void **state)
{
    struct pace_state recorded = {0}, twice = {0}, half = {0}, rate = {0}, line = {0};
    const uint64_t on_line = (1500 + 24) * 80;
    struct pace window;

    (void)state;
    assert_int_equal(pace_parse("window", &window, message, sizeof message), 0);
    assert_int_equal(window.kind, PACE_WINDOW);
    assert_int_equal(pace_of("recorded", 0, 1500, &recorded), 0);
    assert_int_equal(pace_of("recorded", NS_PER_S, 1500, &recorded), NS_PER_S);
    assert_int_equal(pace_of("2x", NS_PER_S, 1500, &twice), NS_PER_S / 2);
    assert_int_equal(pace_of("0.5x", NS_PER_S + 1, 1500, &half), 2 * NS_PER_S + 2);
    assert_int_equal(pace_of("1M", 0, 1500, &rate), 0);
    assert_int_equal(pace_of("1M", 0, 1500, &rate), 1500 * NS_PER_S / 1048576);
    assert_int_equal(pace_of("max", NS_PER_S, 1500, &line), 0);
    assert_int_equal(pace_of("max", NS_PER_S, 1500, &line), on_line);
    assert_int_equal(pace_of("max", NS_PER_S, 60, &line), 2 * on_line);
}

static void no_pace_is_faster_than_the_line(void **state)
{
    struct pace_state recorded = {0}, rate = {0};

    (void)state;
    pace_of("recorded", 100, 1500, &recorded);
    assert_int_equal(pace_of("recorded", 101, 60, &recorded), 100 + (1500 + 24) * 80);
    pace_of("1G", 0, 1500, &rate);
    assert_int_equal(pace_of("1G", 0, 60, &rate), (1500 + 24) * 80);
}

static void a_bad_rate_is_refused_with_what_is_accepted(void **state)
{
    static const char *const bad[] = {"",         "x", "0x",  "-1x", "fast", "4T",  "4MB",
                                      "2X2",      "0", "1.5", "2G",  "1.x2", " 4M", "99999999999999999999",
                                      "recorded "};
    struct pace pace;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        message[0] = '\0';
        if (pace_parse(bad[i], &pace, message, sizeof message) != -1)
            fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(message, bad[i]));
        assert_non_null(strstr(message, "recorded, max"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_device_is_the_host_that_opened_the_connection),
        cmocka_unit_test(the_device_can_be_given),
        cmocka_unit_test(without_a_connection_the_device_is_who_gets_the_most),
        cmocka_unit_test(a_short_frame_is_padded_as_on_a_cable),
        cmocka_unit_test(pcapng_gives_the_same_frames_with_its_own_resolution),
        cmocka_unit_test(a_pcap_cut_anywhere_gives_what_is_whole),
        cmocka_unit_test(a_pcapng_cut_anywhere_gives_what_is_whole),
        cmocka_unit_test(a_cut_inside_a_frame_is_told),
        cmocka_unit_test(damage_gives_frames_or_a_message),
        cmocka_unit_test(a_missing_file_is_refused),
        cmocka_unit_test(a_file_that_is_no_capture_is_refused),
        cmocka_unit_test(another_link_type_is_refused),
        cmocka_unit_test(a_capture_without_frames_is_refused),
        cmocka_unit_test(a_capture_without_a_frame_for_the_device_is_refused),
        cmocka_unit_test(partial_and_oversize_frames_are_left_out_and_counted),
        cmocka_unit_test(the_committed_captures_are_whole),
        cmocka_unit_test(addresses_of_single_hosts_are_read),
        cmocka_unit_test(paces_are_recorded_multiple_rate_line_and_window),
        cmocka_unit_test(no_pace_is_faster_than_the_line),
        cmocka_unit_test(a_bad_rate_is_refused_with_what_is_accepted),
    };

    return cmocka_run_group_tests(tests, make_path, remove_path);
}
