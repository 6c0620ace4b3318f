/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the client expects and when it sends what, on captures made up here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "netdde-under-test/pfinet/script.h"
#include "netdde-under-test/pfinet/segment.h"
#include "netdde-under-test/pfinet/sequence.h"
#include "replay/flow.h"

#define MS 1000000ull
#define TCP_FRAME 54 /* Ethernet, IPv4 and TCP headers without options */
#define PORT 37      /* the last octet of the destination's */
#define FRAMES_MAX 16
#define FRAME_MAX 128

/* A capture under construction. */
struct capture {
    struct replay replay;
    struct replay_frame frames[FRAMES_MAX];
    uint8_t data[FRAMES_MAX][FRAME_MAX];
};

/* A TCP segment with that much payload and these flags, every frame different by its sequence number. */
static void add(struct capture *capture, enum replay_direction direction, uint64_t time_ns, uint32_t payload,
                uint8_t flags)
{
    size_t n = capture->replay.frame_count++;
    uint8_t *data = capture->data[n];
    uint32_t ip = 40 + payload, length = 14 + ip;
    size_t *count =
        direction == REPLAY_TO_DEVICE ? &capture->replay.to_device_count : &capture->replay.from_device_count;

    assert_true(n < FRAMES_MAX && length <= FRAME_MAX);
    data[12] = 0x08; /* IPv4 */
    data[14] = 0x45;
    data[16] = (uint8_t)(ip >> 8);
    data[17] = (uint8_t)ip;
    data[23] = 6; /* TCP */
    data[41] = (uint8_t)n;
    data[46] = 5 << 4;
    data[47] = flags;
    capture->frames[n] = (struct replay_frame){.time_ns = time_ns,
                                               .direction = direction,
                                               .length = length < 60 ? 60 : length,
                                               .captured_length = length,
                                               .index = (uint32_t)(*count)++,
                                               .data = data};
    capture->replay.frames = capture->frames;
}

static void peer_data(struct capture *capture, uint64_t time_ns)
{
    add(capture, REPLAY_TO_DEVICE, time_ns, 20, SEGMENT_ACK);
}

static void client_ack(struct capture *capture, uint64_t time_ns)
{
    add(capture, REPLAY_FROM_DEVICE, time_ns, 0, SEGMENT_ACK);
}

static struct script read(struct capture *capture)
{
    struct script script;

    assert_int_equal(script_init(&script, &capture->replay), 0);
    assert_int_equal(script.count, capture->replay.from_device_count);
    return script;
}

static void padding_is_no_payload(void **state)
{
    struct capture capture = {0};
    struct segment segment;

    (void)state;
    add(&capture, REPLAY_TO_DEVICE, 0, 0, SEGMENT_ACK);
    assert_int_equal(capture.frames[0].length, 60);
    assert_true(segment_parse(capture.frames[0].data, 60, &segment));
    assert_int_equal(segment.payload, 0);
    assert_true(segment_is_pure_ack(&segment));
}

static void what_is_no_whole_tcp_segment_is_none(void **state)
{
    struct capture capture = {0};
    struct segment segment;
    uint8_t *data = capture.data[0];

    (void)state;
    peer_data(&capture, 0);
    for (uint32_t length = 0; length < TCP_FRAME + 20; length++)
        assert_false(segment_parse(data, length, &segment));
    assert_true(segment_parse(data, TCP_FRAME + 20, &segment));
    data[23] = 17; /* UDP */
    assert_false(segment_parse(data, TCP_FRAME + 20, &segment));
    data[23] = 6;
    data[21] = 1; /* a fragment, not the first */
    assert_false(segment_parse(data, TCP_FRAME + 20, &segment));
    data[21] = 0;
    data[46] = 4 << 4; /* a TCP header that is too short */
    assert_false(segment_parse(data, TCP_FRAME + 20, &segment));
    data[46] = 15 << 4; /* one that is longer than the packet */
    assert_false(segment_parse(data, TCP_FRAME + 20, &segment));
}

static void a_syn_or_fin_is_no_pure_acknowledgement(void **state)
{
    (void)state;
    assert_true(segment_is_pure_ack(&(struct segment){.flags = SEGMENT_ACK}));
    assert_false(segment_is_pure_ack(&(struct segment){.flags = SEGMENT_ACK | SEGMENT_SYN}));
    assert_false(segment_is_pure_ack(&(struct segment){.flags = SEGMENT_ACK | SEGMENT_FIN}));
    assert_false(segment_is_pure_ack(&(struct segment){.flags = SEGMENT_ACK | SEGMENT_RST}));
    assert_false(segment_is_pure_ack(&(struct segment){.flags = SEGMENT_ACK, .payload = 1}));
    assert_false(segment_is_pure_ack(&(struct segment){.flags = 0}));
}

static void a_frame_is_due_after_the_peers_frame_before_it(void **state)
{
    struct capture capture = {0};

    (void)state;
    add(&capture, REPLAY_FROM_DEVICE, 0, 0, SEGMENT_SYN);
    add(&capture, REPLAY_TO_DEVICE, 1 * MS, 0, SEGMENT_SYN | SEGMENT_ACK);
    client_ack(&capture, 1 * MS + 1);
    add(&capture, REPLAY_FROM_DEVICE, 9 * MS, 20, SEGMENT_ACK); /* data: never delayed */
    struct script script = read(&capture);
    assert_int_equal(script.sends[0].due, 0);
    assert_int_equal(script.sends[1].due, 1);
    assert_int_equal(script.sends[2].due, 1);
    assert_int_equal(script.delayed, 0);
    script_destroy(&script);
}

static void an_answer_to_the_first_segment_at_once_is_not_delayed(void **state)
{
    struct capture capture = {0};

    (void)state;
    peer_data(&capture, 0);
    client_ack(&capture, SCRIPT_AT_ONCE_NS);
    struct script script = read(&capture);
    assert_int_equal(script.sends[0].due, 1);
    assert_int_equal(script.sends[0].arm, 0);
    script_destroy(&script);
}

static void an_acknowledgement_of_two_segments_waits_from_the_first(void **state)
{
    struct capture capture = {0};

    (void)state;
    peer_data(&capture, 0);
    client_ack(&capture, 1);
    peer_data(&capture, 5 * MS);
    peer_data(&capture, 6 * MS);
    client_ack(&capture, 6 * MS + 1);
    struct script script = read(&capture);
    assert_int_equal(script.sends[1].arm, 2);
    assert_int_equal(script.sends[1].due, 3);
    assert_int_equal(script.sends[1].delay_ms, SCRIPT_DELAY_MS);
    assert_int_equal(script.delayed, 1);
    script_destroy(&script);
}

static void an_acknowledgement_by_the_clock_is_left_to_the_clock(void **state)
{
    struct capture capture = {0};

    (void)state;
    peer_data(&capture, 0);
    client_ack(&capture, 44 * MS);
    peer_data(&capture, 50 * MS);
    struct script script = read(&capture);
    assert_int_equal(script.sends[0].arm, 1);
    assert_int_equal(script.sends[0].due, 2); /* its own segment does not send it, the next one does */
    assert_int_equal(script.sends[0].delay_ms, 44);
    script_destroy(&script);
}

static void only_data_starts_the_clock(void **state)
{
    struct capture capture = {0};

    (void)state;
    add(&capture, REPLAY_TO_DEVICE, 0, 0, SEGMENT_ACK);
    add(&capture, REPLAY_TO_DEVICE, 1, 0, SEGMENT_ACK);
    client_ack(&capture, 50 * MS);
    add(&capture, REPLAY_TO_DEVICE, 60 * MS, 0, SEGMENT_ACK);
    peer_data(&capture, 61 * MS);
    client_ack(&capture, 61 * MS + 1);
    struct script script = read(&capture);
    assert_int_equal(script.sends[0].arm, 0);
    assert_int_equal(script.sends[0].due, 2);
    assert_int_equal(script.sends[1].arm, 4);
    assert_int_equal(script.sends[1].due, 4);
    script_destroy(&script);
}

static struct sequence expect_in(enum sequence_order order, struct capture *capture, unsigned frames)
{
    struct sequence sequence;

    for (unsigned i = 0; i < frames; i++)
        peer_data(capture, i);
    for (unsigned i = 0; order == SEQUENCE_BY_FLOW && i < frames; i++)
        capture->data[i][PORT] = (uint8_t)(i % 2); /* two flows in turn */
    assert_int_equal(sequence_init(&sequence, &capture->replay, REPLAY_TO_DEVICE, order), 0);
    return sequence;
}

static struct sequence expect(struct capture *capture, unsigned frames)
{
    return expect_in(SEQUENCE_WHOLE, capture, frames);
}

static size_t offer(struct sequence *sequence, const struct capture *capture, unsigned frame)
{
    return sequence_match(sequence, capture->frames[frame].data, capture->frames[frame].length);
}

static void the_whole_capture_has_its_checksum(void **state)
{
    struct capture capture = {0};
    struct sequence sequence = expect(&capture, 5);

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(offer(&sequence, &capture, i), i);
    assert_int_equal(sequence.matched, 5);
    assert_int_equal(sequence.bytes, 5 * (TCP_FRAME + 20));
    assert_true(sequence.checksum == sequence.expected_checksum);
    sequence_destroy(&sequence);
}

static void a_gap_is_no_error(void **state)
{
    struct capture capture = {0};
    struct sequence sequence = expect(&capture, 5);

    (void)state;
    assert_int_equal(offer(&sequence, &capture, 1), 1);
    assert_int_equal(offer(&sequence, &capture, 4), 4);
    assert_int_equal(sequence.matched, 2);
    assert_int_equal(sequence.wrong, 0);
    assert_true(sequence.checksum != sequence.expected_checksum);
    sequence_destroy(&sequence);
}

static void a_frame_out_of_order_or_twice_is_wrong(void **state)
{
    struct capture capture = {0};
    struct sequence sequence = expect(&capture, 5);

    (void)state;
    assert_int_equal(offer(&sequence, &capture, 2), 2);
    assert_true(offer(&sequence, &capture, 1) == SEQUENCE_NONE);
    assert_true(offer(&sequence, &capture, 2) == SEQUENCE_NONE);
    assert_int_equal(offer(&sequence, &capture, 3), 3);
    assert_int_equal(sequence.wrong, 2);
    sequence_destroy(&sequence);
}

static void flows_may_overtake_each_other(void **state)
{
    static const unsigned order[] = {1, 3, 0, 5, 2, 4};
    struct capture capture = {0};
    struct sequence sequence = expect_in(SEQUENCE_BY_FLOW, &capture, 6);

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(offer(&sequence, &capture, order[i]), order[i]);
    assert_int_equal(sequence.next, 6);
    assert_true(sequence.checksum == sequence.expected_checksum);
    sequence_destroy(&sequence);
}

static void within_a_flow_none_overtakes(void **state)
{
    struct capture capture = {0};
    struct sequence sequence = expect_in(SEQUENCE_BY_FLOW, &capture, 6);

    (void)state;
    assert_int_equal(offer(&sequence, &capture, 3), 3); /* 1 is lost */
    assert_true(offer(&sequence, &capture, 1) == SEQUENCE_NONE);
    assert_true(offer(&sequence, &capture, 3) == SEQUENCE_NONE);
    assert_int_equal(offer(&sequence, &capture, 0), 0);
    assert_int_equal(sequence.next, 2);
    assert_int_equal(sequence.wrong, 2);
    assert_true(sequence.checksum != sequence.expected_checksum);
    sequence_destroy(&sequence);
}

static void a_flow_is_the_same_both_ways(void **state)
{
    uint8_t there[TCP_FRAME] = {
        [12] = 0x08, [14] = 0x45, [23] = 17, [26] = 10, [29] = 1, [30] = 10, [33] = 2, [35] = 53};
    uint8_t back[TCP_FRAME] = {
        [12] = 0x08, [14] = 0x45, [23] = 17, [26] = 10, [29] = 2, [30] = 10, [33] = 1, [37] = 53};
    uint32_t flow = flow_hash(there, sizeof there);

    (void)state;
    assert_true(flow != 0 && flow == flow_hash(back, sizeof back));
    back[36] = 1; /* another port */
    assert_true(flow != flow_hash(back, sizeof back));
    there[20] = back[20] = 0x20; /* fragments have none */
    assert_true(flow_hash(there, sizeof there) == flow_hash(back, sizeof back));
    there[23] = 1;
    assert_true(flow_hash(there, sizeof there) != flow_hash(back, sizeof back));
    there[13] = 6; /* ARP */
    assert_int_equal(flow_hash(there, sizeof there), 0);
    assert_int_equal(flow_hash(there, 13), 0);
}

static void a_damaged_or_cut_frame_is_wrong(void **state)
{
    struct capture capture = {0};
    struct sequence sequence = expect(&capture, 2);
    uint8_t damaged[FRAME_MAX];

    (void)state;
    memcpy(damaged, capture.frames[0].data, capture.frames[0].length);
    damaged[capture.frames[0].length - 1] ^= 1;
    assert_true(sequence_match(&sequence, damaged, capture.frames[0].length) == SEQUENCE_NONE);
    assert_true(sequence_match(&sequence, capture.frames[0].data, capture.frames[0].length - 1) ==
                SEQUENCE_NONE);
    assert_int_equal(offer(&sequence, &capture, 0), 0);
    sequence_destroy(&sequence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(padding_is_no_payload),
        cmocka_unit_test(what_is_no_whole_tcp_segment_is_none),
        cmocka_unit_test(a_syn_or_fin_is_no_pure_acknowledgement),
        cmocka_unit_test(a_frame_is_due_after_the_peers_frame_before_it),
        cmocka_unit_test(an_answer_to_the_first_segment_at_once_is_not_delayed),
        cmocka_unit_test(an_acknowledgement_of_two_segments_waits_from_the_first),
        cmocka_unit_test(an_acknowledgement_by_the_clock_is_left_to_the_clock),
        cmocka_unit_test(only_data_starts_the_clock),
        cmocka_unit_test(the_whole_capture_has_its_checksum),
        cmocka_unit_test(a_gap_is_no_error),
        cmocka_unit_test(a_frame_out_of_order_or_twice_is_wrong),
        cmocka_unit_test(flows_may_overtake_each_other),
        cmocka_unit_test(within_a_flow_none_overtakes),
        cmocka_unit_test(a_flow_is_the_same_both_ways),
        cmocka_unit_test(a_damaged_or_cut_frame_is_wrong),
    };

    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
