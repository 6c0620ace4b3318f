/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire: it brings the peer's frames, all of them, in order and in time, and takes what the NIC sends.
 */
#define _GNU_SOURCE /* gettid */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness/wire/account.h"
#include "harness/wire/wire.h"

#define FRAMES 8
#define PACE_NS 2000000u /* between frames of the capture */
#define NS_PER_S 1000000000ull

static uint8_t data[FRAMES][60];
static struct replay_frame frames[FRAMES];
static struct replay capture = {.path = "a.pcapng", .frames = frames, .frame_count = FRAMES};

/* Every fourth frame, from the second, is the device's own. */
static int make_capture(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FRAMES; i++) {
        data[i][0] = (uint8_t)i;
        frames[i] = (struct replay_frame){
            .time_ns = i * PACE_NS,
            .direction = i % 4 == 1 ? REPLAY_FROM_DEVICE : REPLAY_TO_DEVICE,
            .length = 60,
            .captured_length = 60,
            .data = data[i],
        };
    }
    return 0;
}

struct card {
    unsigned received;
    uint8_t first_octet[FRAMES];
    uint64_t at_ns[FRAMES];
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Accepts the first three, then misses one, then filters. */
static enum wire_outcome receive(void *nic, const uint8_t *frame, size_t length)
{
    struct card *card = nic;

    if (length != 60 || card->received == FRAMES)
        return WIRE_FILTERED;
    card->first_octet[card->received] = frame[0];
    card->at_ns[card->received++] = now_ns();
    return card->received <= 3 ? WIRE_ACCEPTED : card->received == 4 ? WIRE_MISSED : WIRE_FILTERED;
}

static void the_peers_frames_are_brought_in_order_and_counted(void **state)
{
    static const uint8_t expected[] = {0, 2, 3, 4, 6, 7};
    const struct pace pace = {.kind = PACE_LINE};
    struct wire *wire = wire_create(&capture, &pace);
    struct card card = {0};
    struct wire_counters counters;

    (void)state;
    assert_non_null(wire);
    wire_plug(wire, receive, &card);
    assert_false(wire_finished(wire));
    wire_start(wire);
    wire_wait_finished(wire);
    wire_wait_finished(wire);
    assert_true(wire_finished(wire));
    assert_int_equal(card.received, 6);
    assert_memory_equal(card.first_octet, expected, 6);
    counters = wire_read_counters(wire);
    assert_int_equal(counters.played, 6);
    assert_int_equal(counters.outcomes[WIRE_ACCEPTED], 3);
    assert_int_equal(counters.outcomes[WIRE_MISSED], 1);
    assert_int_equal(counters.outcomes[WIRE_FILTERED], 2);
    wire_destroy(wire);
}

static void no_frame_comes_before_its_time(void **state)
{
    struct wire *wire = wire_create(&capture, NULL);
    struct card card = {0};
    uint64_t start_ns;

    (void)state;
    wire_plug(wire, receive, &card);
    start_ns = now_ns();
    wire_start(wire);
    wire_wait_finished(wire);
    for (unsigned i = 0; i < card.received; i++)
        assert_true(card.at_ns[i] >= start_ns + card.first_octet[i] * (uint64_t)PACE_NS);
    wire_destroy(wire);
}

static void a_wire_ends_before_its_start_and_in_its_middle(void **state)
{
    const struct pace slow = {.kind = PACE_RECORDED, .thousandths = 100};
    struct wire *wire = wire_create(&capture, &slow);
    struct card card = {0};

    (void)state;
    wire_destroy(wire);
    wire = wire_create(&capture, &slow);
    wire_plug(wire, receive, &card);
    wire_start(wire);
    wire_destroy(wire);
    assert_true(card.received < 6);
    wire_destroy(NULL);
}

static void a_silent_peer_and_an_empty_plug_are_fine(void **state)
{
    const struct pace pace = {.kind = PACE_LINE};
    struct wire *wire = wire_create(NULL, NULL);

    (void)state;
    wire_start(wire);
    wire_wait_finished(wire);
    assert_int_equal(wire_read_counters(wire).played, 0);
    wire_destroy(wire);
    wire = wire_create(&capture, &pace);
    wire_start(wire);
    wire_wait_finished(wire);
    assert_int_equal(wire_read_counters(wire).outcomes[WIRE_FILTERED], 6);
    wire_destroy(wire);
}

static void hear(void *opaque, uint64_t number, const uint8_t *frame, size_t length)
{
    uint64_t *heard = opaque;

    if (number == *heard && frame[0] == number && length == 60)
        ++*heard;
}

static void transmitted_frames_are_numbered_and_heard(void **state)
{
    struct wire *wire = wire_create(NULL, NULL);
    uint64_t heard = 0;

    (void)state;
    wire_on_transmitted(wire, hear, &heard);
    for (unsigned i = 0; i < 3; i++)
        wire_transmit(wire, data[i], 60);
    assert_int_equal(heard, 3);
    assert_int_equal(wire_read_counters(wire).transmitted, 3);
    assert_int_equal(wire_read_counters(wire).transmitted_bytes, 180);
    wire_destroy(wire);
}

static void the_account_balances(void **state)
{
    struct account account;

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        account_frame_accepted();
    assert_int_equal(account_outstanding(), 4);
    account_frame_delivered();
    account_frame_dropped(ACCOUNT_DROP_PORT_FULL);
    account_frame_dropped(ACCOUNT_DROP_PORT_FULL);
    assert_int_equal(account_outstanding(), 1);
    account = account_read();
    assert_int_equal(account.accepted, 4);
    assert_int_equal(account.delivered, 1);
    assert_int_equal(account.dropped[ACCOUNT_DROP_PORT_FULL], 2);
    assert_int_equal(account.dropped[ACCOUNT_DROP_NIC], 0);
    assert_string_equal(account_drop_name(ACCOUNT_DROP_PORT_FULL), "the client's port was full");
}

static void *deliver_one(void *unused)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    account_frame_delivered();
    return unused;
}

static void the_account_can_be_waited_for(void **state)
{
    pthread_t thread;

    (void)state;
    while (account_outstanding() > 0)
        account_frame_delivered();
    account_wait_outstanding(0);
    account_frame_accepted();
    account_frame_accepted();
    account_frame_dropped(ACCOUNT_DROP_DRIVER);
    assert_int_equal(pthread_create(&thread, NULL, deliver_one, NULL), 0);
    account_wait_outstanding(0);
    assert_int_equal(account_outstanding(), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define MANY (3 * WIRE_WINDOW)

struct slow_card {
    sem_t came;
    pid_t peer; /* the wire's thread */
    atomic_uint received;
};

static enum wire_outcome receive_slowly(void *nic, const uint8_t *frame, size_t length)
{
    struct slow_card *card = nic;

    (void)frame;
    (void)length;
    account_frame_accepted();
    atomic_fetch_add(&card->received, 1);
    card->peer = gettid();
    sem_post(&card->came);
    return WIRE_ACCEPTED;
}

static void deliver(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        account_frame_delivered();
}

static void await_frames(struct slow_card *card, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sem_wait(&card->came), 0);
}

/* Until the peer waits: the wire may be about to look at the window when its last frame is known of. */
static void await_waiting(const struct slow_card *card)
{
    char path[64], text[256], state = '?';

    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)card->peer);
    while (state != 'S') {
        FILE *file = fopen(path, "r");

        assert_non_null(file);
        assert_non_null(fgets(text, sizeof text, file));
        fclose(file);
        assert_int_equal(sscanf(strrchr(text, ')'), ") %c", &state), 1);
    }
}

static void a_window_holds_the_peer_back_until_half_of_it_has_arrived(void **state)
{
    static struct replay_frame many[MANY];
    struct replay long_capture = {.path = "a.pcapng", .frames = many, .frame_count = MANY};
    const struct pace pace = {.kind = PACE_WINDOW};
    struct wire *wire = wire_create(&long_capture, &pace);
    struct slow_card card = {0};

    (void)state;
    for (unsigned i = 0; i < MANY; i++)
        many[i] = (struct replay_frame){.direction = REPLAY_TO_DEVICE, .length = 60, .data = data[0]};
    assert_int_equal(sem_init(&card.came, 0, 0), 0);
    wire_plug(wire, receive_slowly, &card);
    wire_start(wire);
    await_frames(&card, WIRE_WINDOW);
    await_waiting(&card);
    deliver(WIRE_WINDOW / 2 - 1);
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(card.received, WIRE_WINDOW);
    deliver(1);
    await_frames(&card, WIRE_WINDOW / 2);
    deliver(WIRE_WINDOW);
    await_frames(&card, WIRE_WINDOW);
    deliver(WIRE_WINDOW);
    wire_wait_finished(wire);
    assert_int_equal(card.received, MANY);
    deliver((unsigned)account_outstanding());
    wire_destroy(wire);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_frames_are_brought_in_order_and_counted),
        cmocka_unit_test(no_frame_comes_before_its_time),
        cmocka_unit_test(a_wire_ends_before_its_start_and_in_its_middle),
        cmocka_unit_test(a_silent_peer_and_an_empty_plug_are_fine),
        cmocka_unit_test(transmitted_frames_are_numbered_and_heard),
        cmocka_unit_test(the_account_balances),
        cmocka_unit_test(the_account_can_be_waited_for),
        cmocka_unit_test(a_window_holds_the_peer_back_until_half_of_it_has_arrived),
    };

    return cmocka_run_group_tests(tests, make_capture, NULL);
}
