/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hosted Mach: messages, queue limits, time-outs, the death of ports, sets, notifications, abort and
 * suspension.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <device/device.h>
#include <device/device_messages.h>
#include <hurd.h>
#include <mach.h>
#include <mach_error.h>
#include <maptime.h>

#include <lockcheck.h>

#include "harness/mach/ipc.h"
#include "harness/machine/irq.h"

#define TASK mach_task_self()

/* --- What the harness reports --- */

static atomic_ulong sent, received, dropped;

void lockcheck_request(enum lockcheck_request request, const void *object, long argument, const char *text,
                       const char *kind)
{
    (void)object;
    (void)argument;
    (void)text;
    (void)kind;
    if (request == LOCKCHECK_MSG_SEND)
        atomic_fetch_add(&sent, 1);
    if (request == LOCKCHECK_MSG_RECEIVE)
        atomic_fetch_add(&received, 1);
    if (request == LOCKCHECK_MSG_DROP)
        atomic_fetch_add(&dropped, 1);
}

/* --- Helpers --- */

struct numbered {
    mach_msg_header_t head;
    mach_msg_type_t type;
    int64_t number;
};

struct carrier {
    mach_msg_header_t head;
    mach_msg_type_t type;
    mach_port_t names[2];
};

static mach_port_t new_port(void)
{
    mach_port_t port;
    assert_int_equal(mach_port_allocate(TASK, MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    return port;
}

static mach_msg_return_t send_as(mach_port_t port, mach_msg_type_name_t type, int64_t number,
                                 mach_msg_option_t option, mach_msg_timeout_t timeout)
{
    struct numbered message = {
        .head = {.msgh_bits = MACH_MSGH_BITS(type, 0), .msgh_remote_port = port, .msgh_id = 7},
        .type = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_64, 64, 1),
        .number = number,
    };
    return mach_msg(&message.head, MACH_SEND_MSG | option, sizeof(message), 0, MACH_PORT_NULL, timeout,
                    MACH_PORT_NULL);
}

static mach_msg_return_t send_number(mach_port_t port, int64_t number)
{
    return send_as(port, MACH_MSG_TYPE_MAKE_SEND, number, MACH_SEND_TIMEOUT, 0);
}

static mach_msg_return_t receive_number(mach_port_t port, int64_t *number, mach_msg_option_t option,
                                        mach_msg_timeout_t timeout)
{
    struct numbered message;
    mach_msg_return_t result =
        mach_msg(&message.head, MACH_RCV_MSG | option, 0, sizeof(message), port, timeout, MACH_PORT_NULL);
    if (result == MACH_MSG_SUCCESS)
        *number = message.number;
    return result;
}

static mach_msg_return_t try_receive(mach_port_t port, int64_t *number)
{
    return receive_number(port, number, MACH_RCV_TIMEOUT, 0);
}

static unsigned count_of(mach_port_t port)
{
    mach_port_status_t status;
    assert_int_equal(mach_port_get_receive_status(TASK, port, &status), KERN_SUCCESS);
    return status.mps_msgcount;
}

static unsigned refs_of(mach_port_t name, mach_port_right_t right)
{
    natural_t refs;
    assert_int_equal(mach_port_get_refs(TASK, name, right, &refs), KERN_SUCCESS);
    return refs;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Until `threads` threads wait at the name. */
static void await_waiting(mach_port_t name, unsigned threads)
{
    for (;;) {
        struct slot *slot = slot_lock(name);
        assert_non_null(slot);
        unsigned waiting = slot->receivers_waiting + slot->senders_waiting;
        pthread_mutex_unlock(&slot->lock);
        if (waiting == threads)
            return;
        pause_ms(1);
    }
}

/* A thread that makes one call and reports its result. */
struct caller {
    pthread_t thread;
    mach_port_t port;
    mach_msg_option_t option;
    mach_msg_timeout_t timeout;
    _Atomic mach_port_t self;
    mach_msg_return_t result;
    int64_t number;
};

static void *run_receiver(void *argument)
{
    struct caller *caller = argument;
    caller->self = mach_thread_self();
    caller->result = receive_number(caller->port, &caller->number, caller->option, caller->timeout);
    return NULL;
}

static void *run_sender(void *argument)
{
    struct caller *caller = argument;
    caller->self = mach_thread_self();
    caller->result =
        send_as(caller->port, MACH_MSG_TYPE_MAKE_SEND, caller->number, caller->option, caller->timeout);
    return NULL;
}

static void start(struct caller *caller, void *(*run)(void *), mach_port_t port, mach_msg_option_t option)
{
    *caller = (struct caller){.port = port, .option = option};
    assert_int_equal(pthread_create(&caller->thread, NULL, run, caller), 0);
}

static void fill(mach_port_t port)
{
    for (unsigned i = 0; i < MACH_PORT_QLIMIT_DEFAULT; i++)
        assert_int_equal(send_number(port, i), MACH_MSG_SUCCESS);
}

/* --- Messages --- */

static void message_arrives_with_its_reply_port_and_body(void **state)
{
    (void)state;
    mach_port_t port = new_port(), reply = new_port();
    struct numbered message = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                 .msgh_remote_port = port,
                 .msgh_local_port = reply,
                 .msgh_id = 1234},
        .number = 42,
    };
    assert_int_equal(mach_msg(&message.head, MACH_SEND_MSG, sizeof(message), 0, 0, 0, 0), MACH_MSG_SUCCESS);
    struct numbered got;
    assert_int_equal(mach_msg(&got.head, MACH_RCV_MSG, 0, sizeof(got), port, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(got.head.msgh_id, 1234);
    assert_int_equal(got.head.msgh_size, sizeof(message));
    assert_int_equal(got.head.msgh_local_port, port);
    assert_int_equal(got.head.msgh_remote_port, reply);
    assert_int_equal(got.head.msgh_bits,
                     MACH_MSGH_BITS(MACH_MSG_TYPE_PORT_SEND_ONCE, MACH_MSG_TYPE_PORT_SEND));
    assert_int_equal(got.number, 42);
    mach_port_destroy(TASK, port);
    mach_port_destroy(TASK, reply);
}

static void messages_keep_their_order_and_are_numbered(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    fill(port);
    for (int64_t i = 0; i < (int64_t)MACH_PORT_QLIMIT_DEFAULT; i++) {
        struct numbered got;
        assert_int_equal(mach_msg(&got.head, MACH_RCV_MSG, 0, sizeof(got), port, 0, 0), MACH_MSG_SUCCESS);
        assert_int_equal(got.number, i);
        assert_int_equal(got.head.msgh_seqno, i);
    }
    mach_port_destroy(TASK, port);
}

static void copy_of_a_send_right_needs_a_send_right(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    assert_int_equal(send_as(port, MACH_MSG_TYPE_COPY_SEND, 1, 0, 0), MACH_SEND_INVALID_DEST);
    assert_int_equal(mach_port_insert_right(TASK, port, port, MACH_MSG_TYPE_MAKE_SEND), KERN_SUCCESS);
    assert_int_equal(send_as(port, MACH_MSG_TYPE_COPY_SEND, 1, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(refs_of(port, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(send_as(port, MACH_MSG_TYPE_MOVE_SEND, 1, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(refs_of(port, MACH_PORT_RIGHT_SEND), 0);
    assert_int_equal(mach_port_deallocate(TASK, port), KERN_INVALID_RIGHT);
    mach_port_destroy(TASK, port);
}

static void badly_formed_messages_are_refused(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    mach_msg_bits_t good = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0);
    struct carrier m = {.head = {.msgh_bits = good, .msgh_remote_port = port}};
    assert_int_equal(mach_msg(NULL, MACH_SEND_MSG, sizeof(m), 0, 0, 0, 0), MACH_SEND_INVALID_DATA);
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, 8, 0, 0, 0, 0), MACH_SEND_MSG_TOO_SMALL);
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, MACH_MESSAGE_SIZE_MAX + 1, 0, 0, 0, 0),
                     MACH_SEND_NO_BUFFER);
    m.head.msgh_bits = 0;
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, 0, 0, 0), MACH_SEND_INVALID_HEADER);
    m.head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    m.head.msgh_local_port = 400;
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, 0, 0, 0), MACH_SEND_INVALID_REPLY);
    m.head.msgh_local_port = 0;
    m.head.msgh_bits = good | MACH_MSGH_BITS_COMPLEX;
    m.type = DEVICE_ITEM(MACH_MSG_TYPE_BYTE, 8, 9); /* 8 are there */
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, 0, 0, 0), MACH_SEND_INVALID_TYPE);
    m.type = DEVICE_ITEM(MACH_MSG_TYPE_MOVE_RECEIVE, 32, 2);
    assert_int_equal(mach_msg(&m.head, MACH_SEND_MSG, sizeof(m), 0, 0, 0, 0), MACH_SEND_INVALID_TYPE);
    assert_int_equal(count_of(port), 0);
    mach_port_destroy(TASK, port);
    assert_int_equal(send_number(port, 1), MACH_SEND_INVALID_DEST);
    assert_int_equal(send_number(NAME_DEVICE_MASTER, 1), MACH_SEND_INVALID_DEST);
    assert_int_equal(send_number(MACH_PORT_DEAD, 1), MACH_SEND_INVALID_DEST);
}

static void message_too_large_is_lost_or_left(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    struct numbered got;
    unsigned long drops = dropped;
    send_number(port, 5);
    mach_msg_option_t leave = MACH_RCV_MSG | MACH_RCV_LARGE;
    assert_int_equal(mach_msg(&got.head, leave, 0, sizeof(got.head), port, 0, 0), MACH_RCV_TOO_LARGE);
    assert_int_equal(got.head.msgh_size, sizeof(got));
    assert_int_equal(count_of(port), 1);
    assert_int_equal(mach_msg(NULL, MACH_RCV_MSG, 0, 0, port, 0, 0), MACH_RCV_TOO_LARGE);
    assert_int_equal(count_of(port), 0);
    assert_int_equal(dropped, drops + 1);
    mach_port_destroy(TASK, port);
}

/* --- Limits and time-outs --- */

static void full_queue_refuses_a_send_that_may_not_wait(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    fill(port);
    assert_int_equal(send_number(port, 9), MACH_SEND_TIMED_OUT);
    assert_int_equal(send_as(port, MACH_MSG_TYPE_MAKE_SEND, 9, MACH_SEND_TIMEOUT, 5), MACH_SEND_TIMED_OUT);
    assert_int_equal(mach_port_set_qlimit(TASK, port, MACH_PORT_QLIMIT_MAX + 1), KERN_INVALID_VALUE);
    assert_int_equal(mach_port_set_qlimit(TASK, port, MACH_PORT_QLIMIT_MAX), KERN_SUCCESS);
    for (unsigned i = MACH_PORT_QLIMIT_DEFAULT; i < MACH_PORT_QLIMIT_MAX; i++)
        assert_int_equal(send_number(port, i), MACH_MSG_SUCCESS);
    assert_int_equal(send_number(port, 9), MACH_SEND_TIMED_OUT);
    /* A send-once right's message is queued all the same. */
    assert_int_equal(send_as(port, MACH_MSG_TYPE_MAKE_SEND_ONCE, 9, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(count_of(port), MACH_PORT_QLIMIT_MAX + 1);
    mach_port_destroy(TASK, port);
}

static void receive_times_out(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    int64_t number;
    struct timespec before, after;
    assert_int_equal(try_receive(port, &number), MACH_RCV_TIMED_OUT);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(receive_number(port, &number, MACH_RCV_TIMEOUT, 20), MACH_RCV_TIMED_OUT);
    clock_gettime(CLOCK_MONOTONIC, &after);
    int64_t ms = (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 19);
    mach_port_destroy(TASK, port);
}

static void blocked_sender_gets_the_room_a_receive_makes(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    struct caller sender;
    int64_t number;
    fill(port);
    start(&sender, run_sender, port, 0);
    await_waiting(port, 1);
    assert_int_equal(try_receive(port, &number), MACH_MSG_SUCCESS);
    pthread_join(sender.thread, NULL);
    assert_int_equal(sender.result, MACH_MSG_SUCCESS);
    assert_int_equal(count_of(port), MACH_PORT_QLIMIT_DEFAULT);
    mach_port_destroy(TASK, port);
}

static void blocked_receiver_gets_the_message(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    struct caller receiver;
    start(&receiver, run_receiver, port, 0);
    await_waiting(port, 1);
    assert_int_equal(send_number(port, 77), MACH_MSG_SUCCESS);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.result, MACH_MSG_SUCCESS);
    assert_int_equal(receiver.number, 77);
    mach_port_destroy(TASK, port);
}

/* --- Death --- */

static void death_wakes_receivers_and_senders(void **state)
{
    (void)state;
    mach_port_t empty = new_port(), full = new_port();
    struct caller receivers[2], senders[2];
    fill(full);
    for (int i = 0; i < 2; i++) {
        start(&receivers[i], run_receiver, empty, 0);
        start(&senders[i], run_sender, full, 0);
    }
    await_waiting(empty, 2);
    await_waiting(full, 2);
    unsigned long drops = dropped;
    assert_int_equal(mach_port_mod_refs(TASK, empty, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    assert_int_equal(mach_port_mod_refs(TASK, full, MACH_PORT_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    assert_int_equal(dropped, drops + MACH_PORT_QLIMIT_DEFAULT);
    for (int i = 0; i < 2; i++) {
        pthread_join(receivers[i].thread, NULL);
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(receivers[i].result, MACH_RCV_PORT_DIED);
        assert_int_equal(senders[i].result, MACH_SEND_INVALID_DEST);
    }
    /* No right was left, so neither is the name. */
    assert_int_equal(mach_port_destroy(TASK, empty), KERN_INVALID_NAME);
}

static void send_rights_outlive_the_port_as_a_dead_name(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    int64_t number;
    mach_port_insert_right(TASK, port, port, MACH_MSG_TYPE_MAKE_SEND);
    mach_port_insert_right(TASK, port, port, MACH_MSG_TYPE_COPY_SEND);
    mach_port_mod_refs(TASK, port, MACH_PORT_RIGHT_RECEIVE, -1);
    assert_int_equal(refs_of(port, MACH_PORT_RIGHT_DEAD_NAME), 2);
    assert_int_equal(send_as(port, MACH_MSG_TYPE_COPY_SEND, 1, 0, 0), MACH_SEND_INVALID_DEST);
    assert_int_equal(try_receive(port, &number), MACH_RCV_INVALID_NAME);
    assert_int_equal(mach_port_deallocate(TASK, port), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(TASK, port), KERN_SUCCESS);
    assert_int_equal(mach_port_deallocate(TASK, port), KERN_INVALID_NAME);
}

static void stale_name_does_not_reach_a_later_port(void **state)
{
    (void)state;
    mach_port_t old = new_port();
    mach_port_destroy(TASK, old);
    bool reused = false;
    for (unsigned i = 0; i < 3 * MACH_NAMES_MAX; i++) {
        mach_port_t port = new_port();
        assert_int_not_equal(port, old);
        reused |= port % MACH_NAMES_MAX == old % MACH_NAMES_MAX;
        assert_int_equal(send_number(old, 1), MACH_SEND_INVALID_DEST);
        mach_port_destroy(TASK, port);
    }
    assert_true(reused);
}

static void names_run_out_and_come_back(void **state)
{
    (void)state;
    static mach_port_t ports[MACH_NAMES_MAX];
    unsigned count = 0;
    while (mach_port_allocate(TASK, MACH_PORT_RIGHT_RECEIVE, &ports[count]) == KERN_SUCCESS) {
        count++;
        assert_true(count < MACH_NAMES_MAX);
    }
    assert_true(count > MACH_NAMES_MAX / 2);
    assert_int_equal(mach_reply_port(), MACH_PORT_NULL);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(mach_port_destroy(TASK, ports[i]), KERN_SUCCESS);
    mach_port_destroy(TASK, new_port());
}

/* --- Rights in messages --- */

static mach_msg_return_t send_rights(mach_port_t to, mach_port_t a, mach_port_t b, mach_msg_type_name_t type)
{
    struct carrier message = {
        .head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_MAKE_SEND, 0) | MACH_MSGH_BITS_COMPLEX,
                 .msgh_remote_port = to},
        .type = DEVICE_ITEM(type, 32, 2),
        .names = {a, b},
    };
    return mach_msg(&message.head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(message), 0, 0, 0, 0);
}

static void rights_travel_in_the_body(void **state)
{
    (void)state;
    mach_port_t to = new_port(), a = new_port();
    assert_int_equal(send_rights(to, a, MACH_PORT_NULL, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
    struct carrier got;
    assert_int_equal(mach_msg(&got.head, MACH_RCV_MSG, 0, sizeof(got), to, 0, 0), MACH_MSG_SUCCESS);
    assert_int_equal(got.type.msgt_name, MACH_MSG_TYPE_PORT_SEND);
    assert_int_equal(got.names[0], a);
    assert_int_equal(refs_of(a, MACH_PORT_RIGHT_SEND), 1);
    mach_msg_destroy(&got.head);
    assert_int_equal(refs_of(a, MACH_PORT_RIGHT_SEND), 0);
    mach_port_destroy(TASK, a);
    mach_port_destroy(TASK, to);
}

static void unsent_message_leaves_rights_where_they_were(void **state)
{
    (void)state;
    mach_port_t to = new_port(), a = new_port(), b = new_port();
    /* The second right is wrong: the first is given back. */
    mach_port_insert_right(TASK, a, a, MACH_MSG_TYPE_MAKE_SEND);
    assert_int_equal(send_rights(to, a, b, MACH_MSG_TYPE_COPY_SEND), MACH_SEND_INVALID_RIGHT);
    assert_int_equal(refs_of(a, MACH_PORT_RIGHT_SEND), 1);
    /* The queue is full. */
    fill(to);
    assert_int_equal(send_rights(to, a, b, MACH_MSG_TYPE_MAKE_SEND), MACH_SEND_TIMED_OUT);
    assert_int_equal(refs_of(a, MACH_PORT_RIGHT_SEND), 1);
    assert_int_equal(refs_of(b, MACH_PORT_RIGHT_SEND), 0);
    mach_port_destroy(TASK, a);
    mach_port_destroy(TASK, b);
    mach_port_destroy(TASK, to);
}

static void lost_message_gives_up_its_rights(void **state)
{
    (void)state;
    mach_port_t to = new_port(), a = new_port(), told = new_port(), previous;
    assert_int_equal(send_rights(to, a, a, MACH_MSG_TYPE_MAKE_SEND), MACH_MSG_SUCCESS);
    assert_int_equal(mach_port_request_notification(TASK, a, MACH_NOTIFY_NO_SENDERS, 0, told,
                                                    MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous),
                     KERN_SUCCESS);
    assert_int_equal(count_of(told), 0);
    mach_port_mod_refs(TASK, to, MACH_PORT_RIGHT_RECEIVE, -1);
    mach_no_senders_notification_t got;
    assert_int_equal(mach_msg(&got.not_header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(got), told, 0, 0),
                     MACH_MSG_SUCCESS);
    assert_int_equal(got.not_header.msgh_id, MACH_NOTIFY_NO_SENDERS);
    assert_int_equal(got.not_count, 2);
    mach_port_destroy(TASK, a);
    mach_port_destroy(TASK, told);
}

static void death_is_told_to_who_asked(void **state)
{
    (void)state;
    mach_port_t port = new_port(), told = new_port(), previous;
    mach_port_insert_right(TASK, port, port, MACH_MSG_TYPE_MAKE_SEND);
    mach_port_request_notification(TASK, port, MACH_NOTIFY_DEAD_NAME, 1, told, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                   &previous);
    assert_int_equal(previous, MACH_PORT_NULL);
    mach_port_request_notification(TASK, port, MACH_NOTIFY_DEAD_NAME, 1, told, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                   &previous);
    assert_int_equal(previous, told);
    mach_port_mod_refs(TASK, port, MACH_PORT_RIGHT_RECEIVE, -1);
    mach_dead_name_notification_t got;
    assert_int_equal(mach_msg(&got.not_header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(got), told, 0, 0),
                     MACH_MSG_SUCCESS);
    assert_int_equal(got.not_header.msgh_id, MACH_NOTIFY_DEAD_NAME);
    assert_int_equal(got.not_port, port);
    assert_int_equal(count_of(told), 0);
    /* And at once when it is dead already. */
    mach_port_request_notification(TASK, port, MACH_NOTIFY_DEAD_NAME, 1, told, MACH_MSG_TYPE_MAKE_SEND_ONCE,
                                   &previous);
    assert_int_equal(count_of(told), 1);
    mach_port_deallocate(TASK, port);
    mach_port_destroy(TASK, told);
}

/* --- Sets --- */

static void set_receives_from_all_members_in_turn(void **state)
{
    (void)state;
    mach_port_t set, a = new_port(), b = new_port();
    int64_t number;
    assert_int_equal(mach_port_allocate(TASK, MACH_PORT_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    assert_int_equal(mach_port_move_member(TASK, a, set), KERN_SUCCESS);
    assert_int_equal(mach_port_move_member(TASK, b, set), KERN_SUCCESS);
    assert_int_equal(receive_number(a, &number, 0, 0), MACH_RCV_IN_SET);
    for (int i = 0; i < 3; i++) {
        send_number(a, 10 + i);
        send_number(b, 20 + i);
    }
    int64_t expected[] = {10, 20, 11, 21, 12, 22};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(receive_number(set, &number, 0, 0), MACH_MSG_SUCCESS);
        assert_int_equal(number, expected[i]);
    }
    assert_int_equal(try_receive(set, &number), MACH_RCV_TIMED_OUT);
    struct caller receiver;
    start(&receiver, run_receiver, set, 0);
    await_waiting(set, 1);
    send_number(b, 99);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.number, 99);
    mach_port_destroy(TASK, a);
    assert_int_equal(mach_port_move_member(TASK, b, MACH_PORT_NULL), KERN_SUCCESS);
    send_number(b, 1);
    assert_int_equal(try_receive(set, &number), MACH_RCV_TIMED_OUT);
    assert_int_equal(try_receive(b, &number), MACH_MSG_SUCCESS);
    mach_port_destroy(TASK, set);
    mach_port_destroy(TASK, b);
}

static void set_wakes_when_it_dies_or_gains_a_message(void **state)
{
    (void)state;
    mach_port_t set, port = new_port();
    struct caller at_port, at_set;
    mach_port_allocate(TASK, MACH_PORT_RIGHT_PORT_SET, &set);
    start(&at_port, run_receiver, port, 0);
    await_waiting(port, 1);
    assert_int_equal(mach_port_move_member(TASK, port, set), KERN_SUCCESS);
    pthread_join(at_port.thread, NULL);
    assert_int_equal(at_port.result, MACH_RCV_PORT_CHANGED);

    mach_port_move_member(TASK, port, MACH_PORT_NULL);
    send_number(port, 3);
    start(&at_set, run_receiver, set, 0);
    await_waiting(set, 1);
    mach_port_move_member(TASK, port, set);
    pthread_join(at_set.thread, NULL);
    assert_int_equal(at_set.number, 3);

    start(&at_set, run_receiver, set, 0);
    await_waiting(set, 1);
    mach_port_mod_refs(TASK, set, MACH_PORT_RIGHT_PORT_SET, -1);
    pthread_join(at_set.thread, NULL);
    assert_int_equal(at_set.result, MACH_RCV_PORT_DIED);
    int64_t number;
    assert_int_equal(try_receive(port, &number), MACH_RCV_TIMED_OUT); /* it is in no set any more */
    mach_port_destroy(TASK, port);
}

/* --- Threads --- */

static void abort_ends_a_blocked_receive(void **state)
{
    (void)state;
    mach_port_t port = new_port(), set;
    struct caller receiver;
    start(&receiver, run_receiver, port, MACH_RCV_INTERRUPT);
    await_waiting(port, 1);
    assert_int_equal(thread_abort(receiver.self), KERN_SUCCESS);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.result, MACH_RCV_INTERRUPTED);

    mach_port_allocate(TASK, MACH_PORT_RIGHT_PORT_SET, &set);
    mach_port_move_member(TASK, port, set);
    start(&receiver, run_receiver, set, MACH_RCV_INTERRUPT);
    await_waiting(set, 1);
    thread_abort(receiver.self);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.result, MACH_RCV_INTERRUPTED);

    mach_port_move_member(TASK, port, MACH_PORT_NULL);
    fill(port);
    start(&receiver, run_sender, port, MACH_SEND_INTERRUPT);
    await_waiting(port, 1);
    thread_abort(receiver.self);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.result, MACH_SEND_INTERRUPTED);
    mach_port_destroy(TASK, port);
    mach_port_destroy(TASK, set);
}

static void aborted_receive_begins_again_unless_asked_to_tell(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    struct caller receiver;
    start(&receiver, run_receiver, port, 0);
    await_waiting(port, 1);
    thread_abort(receiver.self);
    pause_ms(5);
    await_waiting(port, 1);
    send_number(port, 8);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.result, MACH_MSG_SUCCESS);
    assert_int_equal(receiver.number, 8);
    mach_port_destroy(TASK, port);
}

static void abort_does_nothing_to_a_thread_that_does_not_wait(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    int64_t number;
    assert_int_equal(thread_abort(mach_thread_self()), KERN_SUCCESS);
    assert_int_equal(receive_number(port, &number, MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT, 5),
                     MACH_RCV_TIMED_OUT);
    assert_int_equal(thread_abort(port), KERN_INVALID_ARGUMENT);
    mach_port_destroy(TASK, port);
}

static void *receive_twice(void *argument)
{
    struct caller *caller = argument;
    caller->self = mach_thread_self();
    receive_number(caller->port, &caller->number, 0, 0);
    receive_number(caller->port, &caller->number, 0, 0);
    return NULL;
}

static void suspended_thread_stops_until_resumed(void **state)
{
    (void)state;
    mach_port_t port = new_port();
    struct caller receiver;
    start(&receiver, receive_twice, port, 0);
    await_waiting(port, 1);
    assert_int_equal(thread_suspend(receiver.self), KERN_SUCCESS);
    send_number(port, 1);
    send_number(port, 2);
    /* The receive that was going on takes its message; there the thread stops. */
    await_waiting(receiver.self, 1);
    pause_ms(5);
    assert_int_equal(count_of(port), 1);
    assert_int_equal(thread_resume(receiver.self), KERN_SUCCESS);
    pthread_join(receiver.thread, NULL);
    assert_int_equal(receiver.number, 2);
    assert_int_equal(thread_resume(receiver.self), KERN_INVALID_ARGUMENT);
    mach_port_destroy(TASK, port);
}

static void *use_a_reply_port(void *argument)
{
    mach_port_t *ports = argument;
    ports[0] = mig_get_reply_port();
    ports[1] = mach_thread_self();
    thread_set_name(ports[1], "short-lived");
    return NULL;
}

static void ports_of_a_thread_end_with_it(void **state)
{
    (void)state;
    mach_port_t ports[2];
    pthread_t thread;
    pthread_create(&thread, NULL, use_a_reply_port, ports);
    pthread_join(thread, NULL);
    assert_int_equal(send_number(ports[0], 1), MACH_SEND_INVALID_DEST);
    assert_int_equal(thread_suspend(ports[1]), KERN_INVALID_ARGUMENT);
    assert_int_equal(mig_get_reply_port(), mig_get_reply_port());
}

/* --- Conservation: every message is received once, whatever times out, is aborted or changes --- */

#define CROWD 4
#define CROWD_MESSAGES 1500

static struct {
    mach_port_t port, from;
    atomic_ulong sum, count;
    atomic_bool stop;
    _Atomic mach_port_t receivers[CROWD];
} crowd;

static void *crowd_sender(void *argument)
{
    for (int64_t i = 1; i <= CROWD_MESSAGES;) {
        mach_msg_option_t option = i % 3 == 0 ? MACH_SEND_TIMEOUT : 0;
        mach_msg_return_t result =
            send_as(crowd.port, MACH_MSG_TYPE_MAKE_SEND, i, option, (mach_msg_timeout_t)(i % 2));
        if (result == MACH_MSG_SUCCESS) {
            i++;
            continue;
        }
        assert_int_equal(result, MACH_SEND_TIMED_OUT);
        pause_ms(1);
    }
    return argument;
}

static void *crowd_receiver(void *argument)
{
    _Atomic mach_port_t *self = argument;
    *self = mach_thread_self();
    for (unsigned turn = 0; !crowd.stop || crowd.count < CROWD * CROWD_MESSAGES; turn++) {
        int64_t number;
        mach_msg_return_t result =
            receive_number(crowd.from, &number, MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT, 1 + turn % 3);
        if (result == MACH_MSG_SUCCESS) {
            atomic_fetch_add(&crowd.sum, (unsigned long)number);
            atomic_fetch_add(&crowd.count, 1);
        } else {
            assert_true(result == MACH_RCV_TIMED_OUT || result == MACH_RCV_INTERRUPTED);
        }
    }
    return NULL;
}

static void run_crowd(mach_port_t port, mach_port_t from)
{
    pthread_t senders[CROWD], receivers[CROWD];
    memset(&crowd, 0, sizeof(crowd));
    crowd.port = port;
    crowd.from = from;
    for (int i = 0; i < CROWD; i++) {
        pthread_create(&senders[i], NULL, crowd_sender, NULL);
        pthread_create(&receivers[i], NULL, crowd_receiver, &crowd.receivers[i]);
    }
    while (crowd.count < CROWD * CROWD_MESSAGES) {
        for (int i = 0; i < CROWD; i++) {
            if (crowd.receivers[i])
                thread_abort(crowd.receivers[i]);
        }
        pause_ms(1);
    }
    crowd.stop = true;
    for (int i = 0; i < CROWD; i++) {
        pthread_join(senders[i], NULL);
        pthread_join(receivers[i], NULL);
    }
    assert_int_equal(crowd.count, CROWD * CROWD_MESSAGES);
    assert_int_equal(crowd.sum, CROWD * (CROWD_MESSAGES * (CROWD_MESSAGES + 1ul) / 2));
    assert_int_equal(count_of(port), 0);
}

static void no_message_is_lost_in_a_crowd(void **state)
{
    (void)state;
    mach_port_t port = new_port(), set;
    run_crowd(port, port);
    mach_port_allocate(TASK, MACH_PORT_RIGHT_PORT_SET, &set);
    mach_port_move_member(TASK, port, set);
    run_crowd(port, set);
    mach_port_destroy(TASK, port);
    mach_port_destroy(TASK, set);
}

static void *make_and_kill(void *argument)
{
    _Atomic mach_port_t *shared = argument;
    for (int i = 0; i < 300; i++) {
        mach_port_t port = new_port();
        mach_port_insert_right(TASK, port, port, MACH_MSG_TYPE_MAKE_SEND);
        *shared = port;
        pause_ms(i % 8 == 0);
        mach_port_mod_refs(TASK, port, MACH_PORT_RIGHT_RECEIVE, -1);
        assert_int_equal(mach_port_deallocate(TASK, port), KERN_SUCCESS);
    }
    *shared = MACH_PORT_DEAD;
    return NULL;
}

static void *send_to_the_doomed(void *argument)
{
    _Atomic mach_port_t *shared = argument;
    while (*shared != MACH_PORT_DEAD) {
        mach_msg_return_t result = send_as(*shared, MACH_MSG_TYPE_MAKE_SEND, 1, 0, 0);
        assert_true(result == MACH_MSG_SUCCESS || result == MACH_SEND_INVALID_DEST);
        if (result != MACH_MSG_SUCCESS)
            pause_ms(1);
    }
    return NULL;
}

static void *receive_from_the_doomed(void *argument)
{
    _Atomic mach_port_t *shared = argument;
    while (*shared != MACH_PORT_DEAD) {
        int64_t number;
        mach_msg_return_t result = receive_number(*shared, &number, 0, 0);
        assert_true(result == MACH_MSG_SUCCESS || result == MACH_RCV_INVALID_NAME ||
                    result == MACH_RCV_PORT_DIED);
        if (result != MACH_MSG_SUCCESS)
            pause_ms(1);
    }
    return NULL;
}

static void ports_may_die_at_any_moment(void **state)
{
    (void)state;
    _Atomic mach_port_t shared = MACH_PORT_NULL;
    unsigned long before = sent - received - dropped;
    pthread_t threads[3];
    void *(*runs[])(void *) = {make_and_kill, send_to_the_doomed, receive_from_the_doomed};
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, runs[i], &shared);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sent - received - dropped, before);
}

/* --- Devices --- */

static void *serve_devices(void *argument)
{
    mach_port_t master = *(mach_port_t *)argument;
    union {
        mach_msg_header_t head;
        device_open_request_t open;
        device_write_request_t write;
        device_get_status_request_t get;
        device_set_filter_request_t filter;
        unsigned char room[MACH_MESSAGE_SIZE_MAX];
    } in;
    for (;;) {
        if (mach_msg(&in.head, MACH_RCV_MSG, 0, sizeof(in), master, 0, 0) != MACH_MSG_SUCCESS)
            return NULL;
        mach_msg_header_t head = {
            .msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(in.head.msgh_bits), 0),
            .msgh_remote_port = in.head.msgh_remote_port,
            .msgh_id = DEVICE_REPLY_ID(in.head.msgh_id),
        };
        if (in.head.msgh_id == DEVICE_OPEN_ID) {
            device_open_reply_t reply = {.Head = head,
                                         .RetCode = strcmp(in.open.name, "eth0") ? D_NO_SUCH_DEVICE : 0,
                                         .RetCodeType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 1),
                                         .device_type = DEVICE_ITEM(MACH_MSG_TYPE_MAKE_SEND, 32, 1),
                                         .device = master};
            reply.Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
            mach_msg(&reply.Head, MACH_SEND_MSG, sizeof(reply), 0, 0, 0, 0);
        } else if (in.head.msgh_id == DEVICE_WRITE_ID) {
            int good = in.write.dataType.msgt_number == 3 && memcmp(in.write.data, "abc", 3) == 0;
            ds_device_write_reply(in.head.msgh_remote_port, MACH_MSGH_BITS_REMOTE(in.head.msgh_bits),
                                  good ? D_SUCCESS : D_IO_ERROR, 3);
        } else if (in.head.msgh_id == DEVICE_GET_STATUS_ID) {
            device_get_status_reply_t reply = {.Head = head,
                                               .statusType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 2),
                                               .status = {(int)in.get.flavor, (int)in.get.count}};
            mach_msg(&reply.Head, MACH_SEND_MSG, DEVICE_MESSAGE_SIZE(device_get_status_reply_t, status, 2), 0,
                     0, 0, 0);
        } else {
            mig_reply_header_t reply = {.Head = head, .RetCode = D_INVALID_OPERATION};
            if (in.head.msgh_id == DEVICE_SET_FILTER_ID && in.filter.filter[1] == 5 &&
                in.filter.filterType.msgt_number == 2 &&
                in.filter.receive_portType.msgt_name == MACH_MSG_TYPE_PORT_SEND)
                reply.RetCode = (int)in.filter.receive_port;
            mach_msg(&reply.Head, MACH_SEND_MSG, sizeof(reply), 0, 0, 0, 0);
        }
    }
}

static void device_calls_go_by_message(void **state)
{
    (void)state;
    mach_port_t master = new_port(), frames = new_port(), answers = new_port();
    pthread_t server;
    device_t device = MACH_PORT_NULL;
    int written = 0, status[4];
    mach_msg_type_number_t count = 4;
    mach_port_insert_right(TASK, master, master, MACH_MSG_TYPE_MAKE_SEND);
    pthread_create(&server, NULL, serve_devices, &master);

    assert_int_equal(device_open(master, D_WRITE, "eth7", &device), D_NO_SUCH_DEVICE);
    assert_int_equal(device_open(master, D_WRITE, "eth0", &device), D_SUCCESS);
    assert_int_equal(device, master);
    assert_int_equal(device_write(device, 0, 0, "abc", 3, &written), D_SUCCESS);
    assert_int_equal(written, 3);
    assert_int_equal(device_write(device, 0, 0, "xyz", 3, &written), D_IO_ERROR);
    static const char long_frame[DEVICE_WRITE_MAX + 1];
    assert_int_equal(device_write(device, 0, 0, long_frame, sizeof(long_frame), &written), D_INVALID_SIZE);
    assert_int_equal(device_get_status(device, NET_STATUS, status, &count), D_SUCCESS);
    assert_int_equal(count, 2);
    assert_int_equal(status[0], NET_STATUS);
    assert_int_equal(status[1], 4);
    count = 1;
    assert_int_equal(device_get_status(device, NET_STATUS, status, &count), MIG_ARRAY_TOO_LARGE);
    filter_t filter[2] = {NETF_BPF | NETF_IN, 5};
    assert_int_equal(device_set_filter(device, frames, MACH_MSG_TYPE_MAKE_SEND, 0, filter, 2), (int)frames);
    assert_int_equal(device_close(device), D_INVALID_OPERATION);

    assert_int_equal(device_write_request(device, answers, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, "abc", 3),
                     MACH_MSG_SUCCESS);
    device_write_reply_t answer;
    assert_int_equal(mach_msg(&answer.Head, MACH_RCV_MSG, 0, sizeof(answer), answers, 0, 0),
                     MACH_MSG_SUCCESS);
    assert_int_equal(answer.Head.msgh_id, DEVICE_REPLY_ID(DEVICE_WRITE_ID));
    assert_int_equal(answer.bytes_written, 3);

    mach_port_mod_refs(TASK, master, MACH_PORT_RIGHT_RECEIVE, -1);
    pthread_join(server, NULL);
    assert_int_equal(device_write(device, 0, 0, "abc", 3, &written), MACH_SEND_INVALID_DEST);
    mach_port_destroy(TASK, frames);
    mach_port_destroy(TASK, answers);
}

#define LINE 11

static mach_msg_return_t take_interrupt(mach_port_t port)
{
    mach_intr_notification_t message;
    mach_msg_return_t result =
        mach_msg(&message.intr_header, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof(message), port, 0, 0);
    if (result == MACH_MSG_SUCCESS) {
        assert_int_equal(message.intr_header.msgh_id, MACH_INTR_NOTIFY);
        assert_int_equal(message.line, LINE);
    }
    return result;
}

static void interrupts_arrive_as_messages(void **state)
{
    (void)state;
    mach_port_t master, port = new_port(), other = new_port();
    unsigned source = irq_source_allocate("card");
    get_privileged_ports(NULL, &master);
    assert_int_equal(device_intr_register(port, LINE, 0, 0, port, MACH_MSG_TYPE_MAKE_SEND),
                     KERN_INVALID_ARGUMENT);
    assert_int_equal(device_intr_register(master, LINE, 0, 0, port, MACH_MSG_TYPE_MAKE_SEND), D_SUCCESS);
    assert_int_equal(device_intr_register(master, LINE, 0, 0, other, MACH_MSG_TYPE_MAKE_SEND),
                     D_ALREADY_OPEN);
    assert_int_equal(take_interrupt(port), MACH_RCV_TIMED_OUT);
    irq_line_assert(LINE, source);
    assert_int_equal(take_interrupt(port), MACH_MSG_SUCCESS);
    assert_int_equal(take_interrupt(port), MACH_RCV_TIMED_OUT);
    device_intr_enable(master, LINE, TRUE); /* still high */
    assert_int_equal(take_interrupt(port), MACH_MSG_SUCCESS);
    irq_line_deassert(LINE, source);
    device_intr_enable(master, LINE, TRUE);
    assert_int_equal(take_interrupt(port), MACH_RCV_TIMED_OUT);

    /* The driver dies; the line is free for the next. */
    mach_port_mod_refs(TASK, port, MACH_PORT_RIGHT_RECEIVE, -1);
    irq_line_assert(LINE, source);
    assert_int_equal(device_intr_register(master, LINE, 0, 0, other, MACH_MSG_TYPE_MAKE_SEND), D_SUCCESS);
    assert_int_equal(take_interrupt(other), MACH_MSG_SUCCESS);
    assert_int_equal(device_intr_register(master, LINE, 0, 0, MACH_PORT_NULL, 0), D_SUCCESS);
    assert_false(irq_line_state(LINE).has_receiver);
    irq_line_deassert(LINE, source);
    mach_port_destroy(TASK, other);
}

/* --- Memory and time --- */

static void contiguous_memory_has_an_address_in_the_asked_range(void **state)
{
    (void)state;
    mach_port_t host;
    vm_address_t address, physical, plain;
    get_privileged_ports(&host, NULL);
    assert_int_equal(vm_allocate_contiguous(host, TASK, &address, &physical, 5000, 0, 0xffffffff, 0),
                     KERN_SUCCESS);
    assert_int_equal(physical % 4096, 0);
    memset((void *)address, 0xff, 5000);
    assert_int_equal(vm_deallocate(TASK, address, 5000), KERN_SUCCESS);
    assert_int_equal(vm_allocate_contiguous(host, TASK, &address, &physical, 5000, 0, 4096, 0),
                     KERN_RESOURCE_SHORTAGE);
    assert_int_equal(vm_allocate(TASK, &plain, 10000, TRUE), KERN_SUCCESS);
    memset((void *)plain, 1, 10000);
    assert_int_equal(vm_deallocate(TASK, plain, 10000), KERN_SUCCESS);
}

static void mapped_time_advances(void **state)
{
    (void)state;
    volatile struct mapped_time_value *mtime;
    struct timeval before, after, difference;
    assert_int_equal(maptime_map(0, NULL, &mtime), 0);
    maptime_read(mtime, &before);
    pause_ms(5);
    maptime_read(mtime, &after);
    timersub(&after, &before, &difference);
    assert_true(difference.tv_sec > 0 || difference.tv_usec >= 4900);
}

static void every_code_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(mach_error_string(MACH_RCV_TIMED_OUT), "receive: timed out");
    assert_string_equal(mach_error_string(123456), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_arrives_with_its_reply_port_and_body),
        cmocka_unit_test(messages_keep_their_order_and_are_numbered),
        cmocka_unit_test(copy_of_a_send_right_needs_a_send_right),
        cmocka_unit_test(badly_formed_messages_are_refused),
        cmocka_unit_test(message_too_large_is_lost_or_left),
        cmocka_unit_test(full_queue_refuses_a_send_that_may_not_wait),
        cmocka_unit_test(receive_times_out),
        cmocka_unit_test(blocked_sender_gets_the_room_a_receive_makes),
        cmocka_unit_test(blocked_receiver_gets_the_message),
        cmocka_unit_test(death_wakes_receivers_and_senders),
        cmocka_unit_test(send_rights_outlive_the_port_as_a_dead_name),
        cmocka_unit_test(stale_name_does_not_reach_a_later_port),
        cmocka_unit_test(names_run_out_and_come_back),
        cmocka_unit_test(rights_travel_in_the_body),
        cmocka_unit_test(unsent_message_leaves_rights_where_they_were),
        cmocka_unit_test(lost_message_gives_up_its_rights),
        cmocka_unit_test(death_is_told_to_who_asked),
        cmocka_unit_test(set_receives_from_all_members_in_turn),
        cmocka_unit_test(set_wakes_when_it_dies_or_gains_a_message),
        cmocka_unit_test(abort_ends_a_blocked_receive),
        cmocka_unit_test(aborted_receive_begins_again_unless_asked_to_tell),
        cmocka_unit_test(abort_does_nothing_to_a_thread_that_does_not_wait),
        cmocka_unit_test(suspended_thread_stops_until_resumed),
        cmocka_unit_test(ports_of_a_thread_end_with_it),
        cmocka_unit_test(no_message_is_lost_in_a_crowd),
        cmocka_unit_test(ports_may_die_at_any_moment),
        cmocka_unit_test(device_calls_go_by_message),
        cmocka_unit_test(interrupts_arrive_as_messages),
        cmocka_unit_test(contiguous_memory_has_an_address_in_the_asked_range),
        cmocka_unit_test(mapped_time_advances),
        cmocka_unit_test(every_code_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
