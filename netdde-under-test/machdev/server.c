/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device server: see machdev.h.
 *
 * One thread takes requests one after the other from a port set: the master port, at which devices are
 * opened, one port for each device that is open, and one that is told which clients have died. All who open a
 * device share it; it is closed when as many have closed it, or when no send right to its port is left,
 * because its clients are gone.
 *
 * Every request with a reply port gets exactly one answer. No answer ever waits for its client: one that
 * cannot be queued, since the port is dead or full, is dropped.
 *
 * A request must have the form that MIG's stubs give it, down to its length. After that, errors are those of
 * the Hurd's libmachdev, with one more: the server's own ports cannot have a filter. There, a client that
 * names the device's port keeps a send right to it alive by the filter, and so the device open for ever.
 *
 * Left out: device_read and device_map, as for every network device of Mach; the modes of device_open and
 * device_write, which network devices do not look at.
 */
#include "netdde-under-test/machdev/machdev.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <dde_linux/dde_linux.h>
#include <ddekit/thread.h>
#include <device/device_messages.h>

#include "netdde-under-test/machdev/ethernet.h"

#define THREAD_NAME "device server"

/* Devices that may be open at once; one more gets D_NO_MEMORY. */
#define DEVICES_MAX 8

struct device {
    mach_port_t port; /* the receive right; MACH_PORT_NULL: this entry is free */
    dev_name_t name;
    struct ethernet *ethernet;
    unsigned opened; /* device_opens without their device_close */
};

/* There is one device server in a process, as there is one Linux in it. Used by its thread only. */
static struct {
    mach_port_t requests; /* the set that has all ports in it */
    mach_port_t master;
    mach_port_t deaths; /* gets the dead-name notifications for clients' ports */
    struct device devices[DEVICES_MAX];
    atomic_size_t open_devices; /* read by any thread */
} server;

/* A message on its way in, and its answer. */
union request {
    mach_msg_header_t Head;
    device_open_request_t open;
    device_write_request_t write;
    device_set_status_request_t set_status;
    device_get_status_request_t get_status;
    device_set_filter_request_t set_filter;
    mach_no_senders_notification_t no_senders;
    mach_dead_name_notification_t dead_name;
    char room[MACH_MESSAGE_SIZE_MAX];
};

union reply {
    mach_msg_header_t Head;
    mig_reply_header_t simple;
    device_open_reply_t open;
    device_write_reply_t write;
    device_get_status_reply_t get_status;
};

/* Who is told what became of frames. */
static struct {
    void (*handed_out)(void *opaque, const struct filter_report *report);
    void *opaque;
} listener;

void machdev_on_handed_out(void (*handed_out)(void *opaque, const struct filter_report *report), void *opaque)
{
    listener.handed_out = handed_out;
    listener.opaque = opaque;
}

void machdev_handed_out(const struct filter_report *report)
{
    if (listener.handed_out)
        listener.handed_out(listener.opaque, report);
}

size_t machdev_open_devices(void)
{
    return server.open_devices;
}

/* --- Devices ---------------------------------------------------------------------------------------------
 */

static struct device *find_device(mach_port_t port)
{
    for (size_t i = 0; i < DEVICES_MAX; i++)
        if (MACH_PORT_VALID(port) && server.devices[i].port == port)
            return &server.devices[i];
    return NULL;
}

static bool is_own(mach_port_t port)
{
    return port == server.master || port == server.deaths || find_device(port);
}

/* Have the device's port told when its last send right goes. */
static void watch_senders(struct device *device, mach_port_mscount_t sync)
{
    mach_port_t previous;

    mach_port_request_notification(mach_task_self(), device->port, MACH_NOTIFY_NO_SENDERS, sync, device->port,
                                   MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
}

static void close_device(struct device *device)
{
    mach_port_mod_refs(mach_task_self(), device->port, MACH_PORT_RIGHT_RECEIVE, -1);
    ethernet_close(device->ethernet);
    *device = (struct device){.port = MACH_PORT_NULL};
    server.open_devices--;
}

/* One who opened it has closed it, or has never learned that it was opened. */
static void release_device(struct device *device)
{
    if (--device->opened == 0)
        close_device(device);
}

/* Open a device that nobody has open, in a free entry. */
static io_return_t open_new(struct device *device, const char *name)
{
    io_return_t result = ethernet_open(name, &device->ethernet);

    if (result != D_SUCCESS)
        return result;
    if (mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, &device->port) != KERN_SUCCESS) {
        ethernet_close(device->ethernet);
        return D_NO_MEMORY;
    }
    strcpy(device->name, name); /* of a request, and so no longer than this */
    mach_port_move_member(mach_task_self(), device->port, server.requests);
    watch_senders(device, 1);
    server.open_devices++;
    return D_SUCCESS;
}

static io_return_t open_device(const char *name, struct device **opened)
{
    struct device *free_entry = NULL;

    for (size_t i = 0; i < DEVICES_MAX; i++) {
        struct device *device = &server.devices[i];
        if (device->port == MACH_PORT_NULL) {
            free_entry = free_entry ? free_entry : device;
        } else if (strcmp(device->name, name) == 0) {
            device->opened++;
            *opened = device;
            return D_SUCCESS;
        }
    }
    if (!free_entry)
        return D_NO_MEMORY;
    io_return_t result = open_new(free_entry, name);
    if (result == D_SUCCESS) {
        free_entry->opened = 1;
        *opened = free_entry;
    }
    return result;
}

/* --- Requests --------------------------------------------------------------------------------------------
 */
/* Each is given the device that was asked, which only device_open has not, and a request of the right form.
 * It returns the code to answer with, having filled in what else the answer has; MIG_NO_REPLY: no answer now.
 * The rights in the request's body are the handler's; its reply right is only if it returns MIG_NO_REPLY. */

static kern_return_t serve_open(struct device *device, union request *request, union reply *reply)
{
    if (!memchr(request->open.name, '\0', sizeof request->open.name))
        return MIG_BAD_ARGUMENTS;
    if (!MACH_PORT_VALID(request->Head.msgh_remote_port))
        return MIG_NO_REPLY; /* nobody would get the device */
    io_return_t result = open_device(request->open.name, &device);
    if (result != D_SUCCESS)
        return result;
    reply->Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    reply->Head.msgh_size = sizeof reply->open;
    reply->open.device_type = DEVICE_ITEM(MACH_MSG_TYPE_MAKE_SEND, 32, 1);
    reply->open.device = device->port;
    return D_SUCCESS;
}

static kern_return_t serve_close(struct device *device, union request *request, union reply *reply)
{
    (void)request;
    (void)reply;
    release_device(device);
    return D_SUCCESS;
}

static kern_return_t queue_write(struct device *device, const device_write_request_t *request,
                                 write_answer answer)
{
    io_return_t result = ethernet_write(device->ethernet, request->data, request->dataType.msgt_number,
                                        request->Head.msgh_remote_port,
                                        MACH_MSGH_BITS_REMOTE(request->Head.msgh_bits), answer);

    return result == D_IO_QUEUED ? MIG_NO_REPLY : result;
}

static kern_return_t serve_write(struct device *device, union request *request, union reply *reply)
{
    (void)reply;
    return queue_write(device, &request->write, ds_device_write_reply);
}

static kern_return_t serve_write_inband(struct device *device, union request *request, union reply *reply)
{
    (void)reply;
    if (request->write.dataType.msgt_number > IO_INBAND_MAX)
        return D_INVALID_SIZE;
    return queue_write(device, &request->write, ds_device_write_reply_inband);
}

static kern_return_t serve_get_status(struct device *device, union request *request, union reply *reply)
{
    device_get_status_reply_t *answer = &reply->get_status;
    size_t count = request->get_status.count < DEV_STATUS_MAX ? request->get_status.count : DEV_STATUS_MAX;

    io_return_t result =
        ethernet_get_status(device->ethernet, request->get_status.flavor, answer->status, &count);
    if (result != D_SUCCESS)
        return result;
    answer->statusType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, (mach_msg_type_number_t)count);
    answer->Head.msgh_size = DEVICE_MESSAGE_SIZE(device_get_status_reply_t, status, count);
    return D_SUCCESS;
}

static kern_return_t serve_set_status(struct device *device, union request *request, union reply *reply)
{
    (void)reply;
    return ethernet_set_status(device->ethernet, request->set_status.flavor, request->set_status.status,
                               request->set_status.statusType.msgt_number);
}

static kern_return_t serve_set_filter(struct device *device, union request *request, union reply *reply)
{
    device_set_filter_request_t *asked = &request->set_filter;
    mach_port_t client = asked->receive_port, previous;

    (void)reply;
    if (is_own(client))
        return D_INVALID_OPERATION;
    io_return_t result = ethernet_set_filter(device->ethernet, client, asked->priority, asked->filter,
                                             asked->filterType.msgt_number);
    if (result != D_SUCCESS)
        return result;
    asked->receive_port = MACH_PORT_NULL; /* the right is the filter's now */
    /* A filter that matches nothing would never show that its client is dead. */
    mach_port_request_notification(mach_task_self(), client, MACH_NOTIFY_DEAD_NAME, 1, server.deaths,
                                   MACH_MSG_TYPE_MAKE_SEND_ONCE, &previous);
    return D_SUCCESS;
}

/* What a request's message has in its body, one described item after the other. */
struct item {
    unsigned type, bits; /* MACH_MSG_TYPE_* and the size of an element */
    size_t fewest, most; /* elements; most 0: there is no such item */
};
#define ITEMS_MAX 3
#define INTEGER                                                                                              \
    {                                                                                                        \
        MACH_MSG_TYPE_INTEGER_32, 32, 1, 1                                                                   \
    }

static const struct operation {
    mach_msg_id_t id;
    kern_return_t (*serve)(struct device *device, union request *request, union reply *reply); /* or NULL */
    bool complex;
    struct item items[ITEMS_MAX];
} operations[] = {
    {DEVICE_OPEN_ID, serve_open, false, {INTEGER, {MACH_MSG_TYPE_STRING_C, DEVICE_NAME_MAX * 8, 1, 1}}},
    {DEVICE_CLOSE_ID, serve_close, false, {}},
    {DEVICE_WRITE_ID, serve_write, false, {INTEGER, INTEGER, {MACH_MSG_TYPE_CHAR, 8, 0, DEVICE_WRITE_MAX}}},
    {DEVICE_WRITE_INBAND_ID,
     serve_write_inband,
     false,
     {INTEGER, INTEGER, {MACH_MSG_TYPE_CHAR, 8, 0, DEVICE_WRITE_MAX}}},
    {DEVICE_SET_STATUS_ID,
     serve_set_status,
     false,
     {INTEGER, {MACH_MSG_TYPE_INTEGER_32, 32, 0, DEV_STATUS_MAX}}},
    {DEVICE_GET_STATUS_ID, serve_get_status, false, {INTEGER, INTEGER}},
    {DEVICE_SET_FILTER_ID,
     serve_set_filter,
     true,
     {{MACH_MSG_TYPE_PORT_SEND, 32, 1, 1}, INTEGER, {MACH_MSG_TYPE_INTEGER_16, 16, 0, NET_MAX_FILTER}}},
    /* What no network device offers. */
    {DEVICE_READ_ID, NULL, false, {}},
    {DEVICE_READ_INBAND_ID, NULL, false, {}},
    {DEVICE_MAP_ID, NULL, false, {}},
    {DEVICE_INTR_REGISTER_ID, NULL, false, {}},
    {DEVICE_INTR_ACK_ID, NULL, false, {}},
};

static const struct operation *find_operation(mach_msg_id_t id)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i].id == id)
            return &operations[i];
    return NULL;
}

/* Does the message consist of the operation's items, and nothing else? */
static bool has_form(const mach_msg_header_t *message, const struct operation *operation)
{
    size_t offset = sizeof *message;

    if (((message->msgh_bits & MACH_MSGH_BITS_COMPLEX) != 0) != operation->complex)
        return false;
    for (const struct item *item = operation->items; item < operation->items + ITEMS_MAX && item->most;
         item++) {
        const mach_msg_type_t *type = (const mach_msg_type_t *)((const char *)message + offset);
        if (message->msgh_size < offset + sizeof *type || type->msgt_name != item->type ||
            type->msgt_size != item->bits || !type->msgt_inline || type->msgt_longform ||
            type->msgt_number < item->fewest || type->msgt_number > item->most)
            return false;
        size_t octets = (size_t)type->msgt_number * item->bits / 8;
        offset += sizeof *type +
                  (octets + MACH_MSG_USER_ALIGNMENT - 1) / MACH_MSG_USER_ALIGNMENT * MACH_MSG_USER_ALIGNMENT;
    }
    return message->msgh_size == offset;
}

static kern_return_t serve(union request *request, union reply *reply)
{
    const struct operation *operation = find_operation(request->Head.msgh_id);
    mach_port_t port = request->Head.msgh_local_port;
    struct device *device = find_device(port);

    if (!operation)
        return MIG_BAD_ID;
    if (operation->serve == serve_open && port != server.master)
        return D_INVALID_OPERATION;
    if (operation->serve != serve_open && !device)
        return D_NO_SUCH_DEVICE;
    if (!operation->serve)
        return D_INVALID_OPERATION;
    if (!has_form(&request->Head, operation))
        return MIG_BAD_ARGUMENTS;
    return operation->serve(device, request, reply);
}

/* --- Notifications ---------------------------------------------------------------------------------------
 */

/* The last send right was gone when this was sent; one may have been made since, by a device_open that came
 * first. */
static void note_no_senders(mach_port_t port)
{
    struct device *device = find_device(port);
    mach_port_status_t status;

    if (!device || mach_port_get_receive_status(mach_task_self(), port, &status) != KERN_SUCCESS)
        return;
    if (status.mps_srights)
        watch_senders(device, status.mps_mscount);
    else
        close_device(device);
}

static void note_dead_name(mach_port_t name)
{
    for (size_t i = 0; i < DEVICES_MAX; i++)
        if (server.devices[i].port != MACH_PORT_NULL)
            ethernet_forget_client(server.devices[i].ethernet, name);
}

/* Returns false for a message that is none. */
static bool serve_notification(union request *request)
{
    mach_port_t port = request->Head.msgh_local_port;

    if (port == server.deaths) {
        if (request->Head.msgh_id == MACH_NOTIFY_DEAD_NAME)
            note_dead_name(request->dead_name.not_port);
    } else if (request->Head.msgh_id == MACH_NOTIFY_NO_SENDERS) {
        note_no_senders(port);
    } else {
        return false;
    }
    mach_msg_destroy(&request->Head); /* anybody may send one, with any rights */
    return true;
}

/* --- Answers ---------------------------------------------------------------------------------------------
 */

/* Answer, or if that cannot be done let the answer and its rights go. */
static void send_reply(union reply *reply)
{
    if (mach_msg(&reply->Head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, reply->Head.msgh_size, 0, MACH_PORT_NULL, 0,
                 MACH_PORT_NULL) == MACH_MSG_SUCCESS)
        return;
    mach_msg_destroy(&reply->Head);
    if (reply->Head.msgh_id == DEVICE_REPLY_ID(DEVICE_OPEN_ID) && reply->simple.RetCode == D_SUCCESS) {
        struct device *device = find_device(reply->open.device);
        if (device)
            release_device(device);
    }
}

static void serve_one(union request *request, union reply *reply)
{
    const mach_msg_header_t *head = &request->Head;

    if (serve_notification(request))
        return;
    reply->simple = (mig_reply_header_t){
        .Head = {.msgh_bits = MACH_MSGH_BITS(MACH_MSGH_BITS_REMOTE(head->msgh_bits), 0),
                 .msgh_size = sizeof reply->simple,
                 .msgh_remote_port = head->msgh_remote_port,
                 .msgh_id = DEVICE_REPLY_ID(head->msgh_id)},
        .RetCodeType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 1),
    };
    kern_return_t result = serve(request, reply);
    if (result == MIG_NO_REPLY)
        return;
    reply->simple.RetCode = result;
    if (head->msgh_id == DEVICE_WRITE_ID || head->msgh_id == DEVICE_WRITE_INBAND_ID) {
        reply->write.bytes_writtenType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 1);
        reply->write.bytes_written = 0;
        reply->Head.msgh_size = sizeof reply->write;
    }
    /* What is left in the request is what nobody has taken; the reply right goes with the reply. */
    request->Head.msgh_remote_port = MACH_PORT_NULL;
    mach_msg_destroy(&request->Head);
    if (MACH_PORT_VALID(reply->Head.msgh_remote_port))
        send_reply(reply);
}

static void server_thread(void *unused)
{
    static union request request; /* too large for a small stack, and there is one such thread */
    static union reply reply;

    (void)unused;
    dde_linux_adopt_thread(THREAD_NAME);
    for (;;) {
        mach_msg_return_t result = mach_msg(&request.Head, MACH_RCV_MSG, 0, sizeof request, server.requests,
                                            MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
        if (result == MACH_MSG_SUCCESS)
            serve_one(&request, &reply);
        else if (result == MACH_RCV_PORT_DIED || result == MACH_RCV_INVALID_NAME)
            return;
        /* Anything else lost one message that was too large for every request. */
    }
}

/* A port whose messages the server takes. */
static kern_return_t add_port(mach_port_t *port)
{
    kern_return_t result = mach_port_allocate(mach_task_self(), MACH_PORT_RIGHT_RECEIVE, port);

    return result == KERN_SUCCESS ? mach_port_move_member(mach_task_self(), *port, server.requests) : result;
}

kern_return_t machdev_start(mach_port_t *master)
{
    mach_port_t task = mach_task_self();
    kern_return_t result = mach_port_allocate(task, MACH_PORT_RIGHT_PORT_SET, &server.requests);

    if (result == KERN_SUCCESS)
        result = add_port(&server.master);
    if (result == KERN_SUCCESS)
        result = add_port(&server.deaths);
    if (result == KERN_SUCCESS)
        result = mach_port_insert_right(task, server.master, server.master, MACH_MSG_TYPE_MAKE_SEND);
    if (result == KERN_SUCCESS && !ddekit_thread_create(server_thread, NULL, THREAD_NAME))
        result = KERN_RESOURCE_SHORTAGE;
    *master = server.master;
    return result;
}
