/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device server by messages, with a device of this test's own behind it: every request has one answer,
 * right or wrong, and no client can hold up the server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <ddekit/ddekit.h>
#include <dde_linux/dde_linux.h>
#include <device/device.h>
#include <device/device_messages.h>
#include <mach.h>

#include "netdde-under-test/machdev/ethernet.h"
#include "netdde-under-test/machdev/machdev.h"

#define ANSWER_MS 2000 /* an answer that has not come by then does not come */
#define SILENCE_MS 50

/* --- The device: it keeps one write unanswered until the test says so -------------------------------------
 */

static struct ethernet {
    unsigned opened, closed;
    mach_port_t reply_port;
    mach_msg_type_name_t reply_type;
    size_t written;
    unsigned filters, forgotten;
} ethernet;

int dde_linux_adopt_thread(const char *name)
{
    (void)name;
    return 0;
}

io_return_t ethernet_open(const char *name, struct ethernet **opened)
{
    if (strcmp(name, "eth0") != 0)
        return D_NO_SUCH_DEVICE;
    ethernet.opened++;
    *opened = &ethernet;
    return D_SUCCESS;
}

void ethernet_close(struct ethernet *closed)
{
    closed->closed++;
}

io_return_t ethernet_write(struct ethernet *device, const void *data, size_t count, mach_port_t reply_port,
                           mach_msg_type_name_t reply_type, write_answer answer)
{
    (void)data;
    (void)answer;
    if (count < 14)
        return D_INVALID_SIZE;
    device->reply_port = reply_port;
    device->reply_type = reply_type;
    device->written = count;
    return D_IO_QUEUED;
}

io_return_t ethernet_get_status(struct ethernet *device, dev_flavor_t flavor, int *status, size_t *count)
{
    (void)device;
    if (flavor != NET_FLAGS)
        return D_INVALID_OPERATION;
    if (*count < 1)
        return D_INVALID_SIZE;
    status[0] = 0x43;
    *count = 1;
    return D_SUCCESS;
}

io_return_t ethernet_set_status(struct ethernet *device, dev_flavor_t flavor, const int *status, size_t count)
{
    (void)device;
    return flavor == NET_FLAGS && count == 1 && status[0] == 7 ? D_SUCCESS : D_INVALID_OPERATION;
}

void ethernet_forget_client(struct ethernet *device, mach_port_t port)
{
    (void)port;
    device->forgotten++;
}

io_return_t ethernet_set_filter(struct ethernet *device, mach_port_t deliver_to, int priority,
                                const filter_t *words, size_t count)
{
    if (priority != 9 || count != 4 || words[3] != 4)
        return D_INVALID_OPERATION;
    device->filters++;
    mach_port_deallocate(mach_task_self(), deliver_to);
    return D_SUCCESS;
}

/* --- The tests -------------------------------------------------------------------------------------------
 */

static mach_port_t master;

static int start(void **state)
{
    (void)state;
    ddekit_init();
    return machdev_start(&master) == KERN_SUCCESS ? 0 : -1;
}

static device_t open_device(void)
{
    device_t device;

    memset(&ethernet, 0, sizeof ethernet);
    assert_int_equal(device_open(master, D_READ | D_WRITE, "eth0", &device), D_SUCCESS);
    assert_int_equal(ethernet.opened, 1);
    return device;
}

static void close_device(device_t device)
{
    assert_int_equal(device_close(device), D_SUCCESS);
    assert_int_equal(ethernet.closed, 1);
    mach_port_deallocate(mach_task_self(), device);
}

static mach_port_t new_port(void)
{
    mach_port_t port;

    assert_int_equal(mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &port), KERN_SUCCESS);
    return port;
}

static void drop_port(mach_port_t port)
{
    mach_port_mod_refs(mach_task_self(), port, MACH_PORT_RIGHT_RECEIVE, -1);
}

static mach_msg_return_t receive(mach_port_t port, device_write_reply_t *reply, unsigned ms)
{
    return mach_msg(&reply->Head, MACH_RCV_MSG | MACH_RCV_TIMEOUT, 0, sizeof *reply, port, ms,
                    MACH_PORT_NULL);
}

static void a_write_is_answered_when_its_buffer_is_freed(void **state)
{
    device_t device = open_device();
    mach_port_t replies = new_port();
    device_write_reply_t reply;
    mach_msg_type_number_t count = 1;
    char frame[60] = {0};
    int flags;

    (void)state;
    assert_int_equal(device_write_request(device, replies, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, frame, 60), 0);
    assert_int_equal(device_get_status(device, NET_FLAGS, &flags, &count),
                     D_SUCCESS); /* it has been served */
    assert_int_equal(receive(replies, &reply, SILENCE_MS), MACH_RCV_TIMED_OUT);
    assert_int_equal(ethernet.written, 60);
    assert_int_equal(ds_device_write_reply(ethernet.reply_port, ethernet.reply_type, D_SUCCESS, 60), 0);
    assert_int_equal(receive(replies, &reply, ANSWER_MS), MACH_MSG_SUCCESS);
    assert_int_equal(reply.Head.msgh_id, DEVICE_REPLY_ID(DEVICE_WRITE_ID));
    assert_int_equal(reply.RetCode, D_SUCCESS);
    assert_int_equal(reply.bytes_written, 60);
    drop_port(replies);
    close_device(device);
}

static void a_refused_write_is_answered_once(void **state)
{
    device_t device = open_device();
    mach_port_t replies = new_port();
    device_write_reply_t reply;
    char data[IO_INBAND_MAX + 1] = {0};
    int written;

    (void)state;
    assert_int_equal(device_write_request(device, replies, MACH_MSG_TYPE_MAKE_SEND_ONCE, 0, 0, data, 5), 0);
    assert_int_equal(receive(replies, &reply, ANSWER_MS), MACH_MSG_SUCCESS);
    assert_int_equal(reply.RetCode, D_INVALID_SIZE);
    assert_int_equal(receive(replies, &reply, SILENCE_MS), MACH_RCV_TIMED_OUT);
    assert_int_equal(device_write(device, 0, 0, data, 5, &written), D_INVALID_SIZE);
    assert_int_equal(device_write_inband(device, 0, 0, data, 5, &written), D_INVALID_SIZE);
    drop_port(replies);
    close_device(device);
}

static void status_and_filter_reach_the_device(void **state)
{
    device_t device = open_device();
    mach_port_t port = new_port();
    mach_msg_type_number_t count = 4;
    filter_t words[4] = {1, 2, 3, 4};
    int status[4] = {0};
    natural_t rights;

    (void)state;
    assert_int_equal(device_get_status(device, NET_FLAGS, status, &count), D_SUCCESS);
    assert_int_equal(count, 1);
    assert_int_equal(status[0], 0x43);
    assert_int_equal(device_get_status(device, NET_DSTADDR, status, &count), D_INVALID_OPERATION);
    count = 0;
    assert_int_equal(device_get_status(device, NET_FLAGS, status, &count), D_INVALID_SIZE);
    status[0] = 7;
    assert_int_equal(device_set_status(device, NET_FLAGS, status, 1), D_SUCCESS);
    assert_int_equal(device_set_status(device, NET_FLAGS, status, 2), D_INVALID_OPERATION);
    assert_int_equal(device_set_filter(device, port, MACH_MSG_TYPE_MAKE_SEND, 9, words, 4), D_SUCCESS);
    assert_int_equal(ethernet.filters, 1);
    assert_int_equal(device_set_filter(device, port, MACH_MSG_TYPE_MAKE_SEND, 8, words, 4),
                     D_INVALID_OPERATION);
    /* The right of the refused filter has been given back. */
    assert_int_equal(mach_port_get_refs(mach_task_self(), port, MACH_PORT_RIGHT_SEND, &rights), KERN_SUCCESS);
    assert_int_equal(rights, 0);
    drop_port(port);
    close_device(device);
}

static void a_device_is_shared_until_its_last_close(void **state)
{
    device_t first = open_device(), second;

    (void)state;
    assert_int_equal(device_open(master, 0, "eth0", &second), D_SUCCESS);
    assert_int_equal(second, first);
    assert_int_equal(ethernet.opened, 1);
    assert_int_equal(device_close(first), D_SUCCESS);
    assert_int_equal(ethernet.closed, 0);
    mach_port_deallocate(mach_task_self(), first);
    assert_int_equal(device_close(second), D_SUCCESS);
    assert_int_equal(ethernet.closed, 1);
    assert_int_equal(device_close(second), MACH_SEND_INVALID_DEST);
    mach_port_deallocate(mach_task_self(), second);
}

static void a_device_whose_clients_are_gone_is_closed(void **state)
{
    device_t device = open_device();

    (void)state;
    mach_port_deallocate(mach_task_self(), device);
    /* The server handles the notification before this request, which comes later, or opened the device anew.
     */
    for (unsigned i = 0; i < 100 && ethernet.closed == 0; i++)
        assert_int_equal(device_open(master, 0, "none", &device), D_NO_SUCH_DEVICE);
    assert_int_equal(ethernet.closed, 1);
    close_device(open_device());
}

/* One may be late: somebody has opened the device since. This one is sent by a client that has it open. */
static void a_notification_that_nobody_is_left_does_not_close_an_open_device(void **state)
{
    device_t device = open_device(), none;
    mach_no_senders_notification_t late = {
        .not_header = {.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, 0),
                       .msgh_size = sizeof late,
                       .msgh_remote_port = device,
                       .msgh_id = MACH_NOTIFY_NO_SENDERS},
    };

    (void)state;
    assert_int_equal(mach_msg(&late.not_header, MACH_SEND_MSG, sizeof late, 0, MACH_PORT_NULL,
                              MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(device_open(master, 0, "none", &none), D_NO_SUCH_DEVICE);
    assert_int_equal(ethernet.closed, 0);
    mach_port_deallocate(mach_task_self(), device);
    /* The true one still comes. */
    for (unsigned i = 0; i < 100 && ethernet.closed == 0; i++)
        assert_int_equal(device_open(master, 0, "none", &none), D_NO_SUCH_DEVICE);
    assert_int_equal(ethernet.closed, 1);
}

/* The filter would hold a send right to the device, which would then never be without. */
static void no_port_of_the_servers_own_gets_frames(void **state)
{
    device_t device = open_device();
    filter_t words[4] = {1, 2, 3, 4};

    (void)state;
    assert_int_equal(device_set_filter(device, device, MACH_MSG_TYPE_COPY_SEND, 9, words, 4),
                     D_INVALID_OPERATION);
    assert_int_equal(device_set_filter(device, master, MACH_MSG_TYPE_COPY_SEND, 9, words, 4),
                     D_INVALID_OPERATION);
    assert_int_equal(ethernet.filters, 0);
    mach_port_deallocate(mach_task_self(), device);
    for (unsigned i = 0; i < 100 && ethernet.closed == 0; i++)
        assert_int_equal(device_open(master, 0, "none", &device), D_NO_SUCH_DEVICE);
    assert_int_equal(ethernet.closed, 1);
}

/* Send a request made by hand, and return the code of its answer. */
static int raw(mach_port_t to, mach_msg_header_t *message, mach_msg_size_t size, mach_msg_id_t id)
{
    mach_port_t replies = new_port();
    device_write_reply_t reply;

    message->msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    message->msgh_remote_port = to;
    message->msgh_local_port = replies;
    message->msgh_size = size;
    message->msgh_id = id;
    assert_int_equal(mach_msg(message, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
                     MACH_MSG_SUCCESS);
    assert_int_equal(receive(replies, &reply, ANSWER_MS), MACH_MSG_SUCCESS);
    assert_int_equal(reply.Head.msgh_id, DEVICE_REPLY_ID(id));
    drop_port(replies);
    return reply.RetCode;
}

static void wrong_requests_are_answered_too(void **state)
{
    device_t device = open_device(), none;
    device_write_request_t request = {0};
    mach_msg_size_t bare = sizeof request.Head;

    (void)state;
    assert_int_equal(device_open(master, 0, "eth9", &none), D_NO_SUCH_DEVICE);
    assert_int_equal(raw(master, &request.Head, bare, 2999), MIG_BAD_ID);
    assert_int_equal(raw(device, &request.Head, bare, 4711), MIG_BAD_ID);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_READ_ID), D_INVALID_OPERATION);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_OPEN_ID), D_INVALID_OPERATION);
    assert_int_equal(raw(master, &request.Head, bare, DEVICE_WRITE_ID), D_NO_SUCH_DEVICE);
    /* Requests without their arguments. */
    assert_int_equal(raw(master, &request.Head, bare, DEVICE_OPEN_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_WRITE_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_WRITE_INBAND_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_GET_STATUS_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_SET_STATUS_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(raw(device, &request.Head, bare, DEVICE_SET_FILTER_ID), MIG_BAD_ARGUMENTS);
    /* Arguments of another type, and data beyond the end of the message. */
    request.modeType = DEVICE_ITEM(MACH_MSG_TYPE_CHAR, 8, 1);
    request.recnumType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 1);
    request.dataType = DEVICE_ITEM(MACH_MSG_TYPE_CHAR, 8, 16);
    mach_msg_size_t size = DEVICE_MESSAGE_SIZE(device_write_request_t, data, 16);
    assert_int_equal(raw(device, &request.Head, size, DEVICE_WRITE_ID), MIG_BAD_ARGUMENTS);
    assert_int_equal(ethernet.written, 0);
    close_device(device);
}

static void a_client_that_died_before_its_answer_holds_up_nobody(void **state)
{
    device_t device = open_device();
    mach_msg_type_number_t count = 1;
    mach_msg_header_t request = {.msgh_bits =
                                     MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE),
                                 .msgh_size = sizeof request,
                                 .msgh_id = DEVICE_GET_STATUS_ID};
    int flags;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        mach_port_t replies = new_port();
        request.msgh_remote_port = device;
        request.msgh_local_port = replies;
        assert_int_equal(
            mach_msg(&request, MACH_SEND_MSG, sizeof request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
            MACH_MSG_SUCCESS);
        drop_port(replies);
    }
    assert_int_equal(device_get_status(device, NET_FLAGS, &flags, &count), D_SUCCESS);
    close_device(device);
}

static void a_client_that_takes_no_answers_holds_up_nobody(void **state)
{
    device_t device = open_device();
    mach_port_t replies = new_port();
    mach_msg_type_number_t count = 1;
    mach_msg_header_t request = {.msgh_bits =
                                     MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND),
                                 .msgh_size = sizeof request,
                                 .msgh_id = DEVICE_GET_STATUS_ID};
    int flags;

    (void)state;
    for (unsigned i = 0; i < 20; i++) { /* more than the port's queue takes */
        request.msgh_remote_port = device;
        request.msgh_local_port = replies;
        assert_int_equal(
            mach_msg(&request, MACH_SEND_MSG, sizeof request, 0, MACH_PORT_NULL, 0, MACH_PORT_NULL),
            MACH_MSG_SUCCESS);
    }
    assert_int_equal(device_get_status(device, NET_FLAGS, &flags, &count), D_SUCCESS);
    drop_port(replies);
    close_device(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_answered_when_its_buffer_is_freed),
        cmocka_unit_test(a_refused_write_is_answered_once),
        cmocka_unit_test(status_and_filter_reach_the_device),
        cmocka_unit_test(a_device_is_shared_until_its_last_close),
        cmocka_unit_test(a_device_whose_clients_are_gone_is_closed),
        cmocka_unit_test(a_notification_that_nobody_is_left_does_not_close_an_open_device),
        cmocka_unit_test(no_port_of_the_servers_own_gets_frames),
        cmocka_unit_test(wrong_requests_are_answered_too),
        cmocka_unit_test(a_client_that_died_before_its_answer_holds_up_nobody),
        cmocka_unit_test(a_client_that_takes_no_answers_holds_up_nobody),
    };

    return cmocka_run_group_tests_name("device server", tests, start, NULL);
}
