/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cable of wire.h, with a capture's peer at its end.
 *
 * The thread is made with the wire and not at the start, so that it is there at lockcheck's checkpoint and no
 * schedule pays for it. It blocks on one condition variable before the start and in clock_nanosleep after it.
 */
#define _GNU_SOURCE /* pthread_setname_np */
#include "harness/wire/wire.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lockcheck.h>

#include "harness/wire/account.h"

#define NS_PER_S 1000000000ull

/* How much the peer catches up with. A peer that was held up for longer goes on from there at its pace: it
 * was stopped, and has not been collecting frames to send at once. Without this one long delay of the thread,
 * which a schedule may have anywhere, would make the rest of the capture arrive in one heap. */
#define CATCH_UP_NS 1000000ull

struct wire {
    const struct replay *replay;
    struct pace pace;

    /* Set before the thread or the NIC uses them, never changed. */
    wire_receive_function *receive;
    void *nic;
    wire_transmitted_function *transmitted;
    void *opaque;

    pthread_t thread;
    pthread_mutex_t lock; /* guards started and start_ns; the changes of stopping and finished */
    pthread_cond_t changed;
    bool started;
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    atomic_bool stopping;
    atomic_bool finished; /* once true, always true */

    /* Each has one writer; they are read at any time. */
    _Atomic uint64_t played;
    _Atomic uint64_t outcomes[WIRE_OUTCOMES];
    _Atomic uint64_t transmitted_frames;
    _Atomic uint64_t transmitted_bytes;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_until_ns(uint64_t deadline_ns)
{
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    int error;

    do
        error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    while (error == EINTR);
    assert(!error);
}

/* Returns when the first frame's time is, in ns on CLOCK_MONOTONIC. */
static uint64_t await_start(struct wire *wire)
{
    uint64_t start_ns;

    pthread_mutex_lock(&wire->lock);
    while (!wire->started && !wire->stopping)
        pthread_cond_wait(&wire->changed, &wire->lock);
    start_ns = wire->start_ns;
    pthread_mutex_unlock(&wire->lock);
    return start_ns;
}

static void bring(struct wire *wire, const struct replay_frame *frame)
{
    enum wire_outcome outcome = WIRE_FILTERED;

    if (wire->receive)
        outcome = wire->receive(wire->nic, frame->data, frame->length);
    assert(outcome < WIRE_OUTCOMES);
    atomic_fetch_add(&wire->outcomes[outcome], 1);
    atomic_fetch_add(&wire->played, 1);
}

void wire_name_frame(const struct replay *replay, const struct replay_frame *frame)
{
    const char *slash = strrchr(replay->path, '/');

    lockcheck_input("frame", frame->number, slash ? slash + 1 : replay->path);
}

/* Sleep until the frame is due, at its pace from *start_ns on. */
static void await_time(struct wire *wire, struct pace_state *state, const struct replay_frame *frame,
                       uint64_t *start_ns)
{
    uint64_t due_ns = *start_ns + pace_next(&wire->pace, state, frame), now;

    sleep_until_ns(due_ns);
    now = now_ns();
    if (now > due_ns + CATCH_UP_NS)
        *start_ns += now - due_ns;
}

static void await_room(void)
{
    if (account_outstanding() >= WIRE_WINDOW)
        account_wait_outstanding(WIRE_WINDOW / 2);
}

static void *play(void *opaque)
{
    struct wire *wire = opaque;
    struct pace_state state = {0};
    uint64_t start_ns;

    pthread_setname_np(pthread_self(), "wire");
    start_ns = await_start(wire);
    for (size_t i = 0; wire->replay && i < wire->replay->frame_count; i++) {
        const struct replay_frame *frame = &wire->replay->frames[i];

        if (frame->direction != REPLAY_TO_DEVICE)
            continue;
        if (wire->stopping)
            break;
        if (wire->pace.kind == PACE_WINDOW)
            await_room();
        else
            await_time(wire, &state, frame, &start_ns);
        wire_name_frame(wire->replay, frame);
        bring(wire, frame);
    }
    pthread_mutex_lock(&wire->lock);
    wire->finished = true;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
    return NULL;
}

struct wire *wire_create(const struct replay *replay, const struct pace *pace)
{
    struct wire *wire = calloc(1, sizeof *wire);
    int error;

    if (!wire)
        return NULL;
    wire->replay = replay;
    wire->pace = pace ? *pace : (struct pace){.kind = PACE_RECORDED, .thousandths = 1000};
    pthread_mutex_init(&wire->lock, NULL);
    pthread_cond_init(&wire->changed, NULL);
    lockcheck_name_object(&wire->lock, "mutex", "wire lock");
    lockcheck_name_object(&wire->changed, "cond", "wire started or finished");
    error = pthread_create(&wire->thread, NULL, play, wire);
    if (error) {
        pthread_cond_destroy(&wire->changed);
        pthread_mutex_destroy(&wire->lock);
        free(wire);
        errno = error;
        return NULL;
    }
    return wire;
}

void wire_plug(struct wire *wire, wire_receive_function *receive, void *nic)
{
    assert(!wire->receive);
    wire->nic = nic;
    wire->receive = receive;
}

void wire_on_transmitted(struct wire *wire, wire_transmitted_function *function, void *opaque)
{
    assert(!wire->transmitted);
    wire->opaque = opaque;
    wire->transmitted = function;
}

void wire_transmit(struct wire *wire, const uint8_t *frame, size_t length)
{
    uint64_t number = atomic_fetch_add(&wire->transmitted_frames, 1);

    atomic_fetch_add(&wire->transmitted_bytes, length);
    if (wire->transmitted)
        wire->transmitted(wire->opaque, number, frame, length);
}

void wire_start(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    assert(!wire->started);
    wire->started = true;
    wire->start_ns = now_ns();
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

void wire_wait_finished(struct wire *wire)
{
    pthread_mutex_lock(&wire->lock);
    while (!wire->finished)
        pthread_cond_wait(&wire->changed, &wire->lock);
    pthread_mutex_unlock(&wire->lock);
}

int wire_finished(const struct wire *wire)
{
    return wire->finished;
}

struct wire_counters wire_read_counters(const struct wire *wire)
{
    struct wire_counters counters = {
        .played = wire->played,
        .transmitted = wire->transmitted_frames,
        .transmitted_bytes = wire->transmitted_bytes,
    };

    for (unsigned i = 0; i < WIRE_OUTCOMES; i++)
        counters.outcomes[i] = wire->outcomes[i];
    return counters;
}

void wire_destroy(struct wire *wire)
{
    if (!wire)
        return;
    pthread_mutex_lock(&wire->lock);
    wire->stopping = true;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
    pthread_join(wire->thread, NULL);
    pthread_cond_destroy(&wire->changed);
    pthread_mutex_destroy(&wire->lock);
    free(wire);
}
