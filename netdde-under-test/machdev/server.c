/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device server: see machdev.h.
 *
 * One thread takes requests one after the other from a port set: the master port, at which devices are
 * opened, and one port for each device that is open. All who open a device share it; it is closed when as
 * many have closed it, or when no send right to its port is left, because its clients are gone.
 *
 * Every request with a reply port gets exactly one answer. No answer ever waits for its client: one that
 * cannot be queued, since the port is dead or full, is dropped.
 *
 * Left out: device_read and device_map, as for every network device of Mach.
 */
#include "netdde-under-test/machdev/machdev.h"

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
    struct device devices[DEVICES_MAX];
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
    char room[MACH_MESSAGE_SIZE_MAX];
};

union reply {
    mach_msg_header_t Head;
    mig_reply_header_t simple;
    device_open_reply_t open;
    device_write_reply_t write;
    device_get_status_reply_t get_status;
};

static void (*on_undelivered)(enum filter_outcome why);

void machdev_on_undelivered(void (*undelivered)(enum filter_outcome why))
{
    on_undelivered = undelivered;
}

void machdev_undelivered(enum filter_outcome why)
{
    if (on_undelivered)
        on_undelivered(why);
}

/* --- The form of requests --------------------------------------------------------------------------------
 */

/* Is the item one of this type, and so many elements, and does it end inside the message? */
static bool item_is(const mach_msg_header_t *message, const mach_msg_type_t *type, const void *item,
                    unsigned name, unsigned bits, size_t fewest, size_t most)
{
    size_t number, end;

    if ((const char *)item > (const char *)message + message->msgh_size || type->msgt_name != name ||
        type->msgt_size != bits || !type->msgt_inline || type->msgt_longform)
        return false;
    number = type->msgt_number;
    end = (size_t)((const char *)item - (const char *)message) + number * (bits / 8);
    return number >= fewest && number <= most && end <= message->msgh_size;
}

#define INTEGER_IS(request, member)                                                                          \
    item_is(&(request)->Head, &(request)->member##Type, &(request)->member, MACH_MSG_TYPE_INTEGER_32, 32, 1, \
            1)

/* --- Devices ---------------------------------------------------------------------------------------------
 */

static struct device *find_device(mach_port_t port)
{
    for (size_t i = 0; i < DEVICES_MAX; i++)
        if (MACH_PORT_VALID(port) && server.devices[i].port == port)
            return &server.devices[i];
    return NULL;
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
    strncpy(device->name, name, sizeof device->name - 1);
    mach_port_move_member(mach_task_self(), device->port, server.requests);
    watch_senders(device, 1);
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
/* Each returns the code to answer with, having filled in what else the answer has; MIG_NO_REPLY: no answer
 * now. The rights in the request's body are the handler's; its reply right is only if it returns
 * MIG_NO_REPLY. */

static kern_return_t serve_open(const device_open_request_t *request, device_open_reply_t *reply)
{
    struct device *device;

    if (!INTEGER_IS(request, mode) ||
        !item_is(&request->Head, &request->nameType, request->name, MACH_MSG_TYPE_STRING_C,
                 DEVICE_NAME_MAX * 8, 1, 1) ||
        !memchr(request->name, '\0', sizeof request->name))
        return MIG_BAD_ARGUMENTS;
    io_return_t result = open_device(request->name, &device);
    if (result != D_SUCCESS)
        return result;
    reply->Head.msgh_bits |= MACH_MSGH_BITS_COMPLEX;
    reply->Head.msgh_size = sizeof *reply;
    reply->device_type = DEVICE_ITEM(MACH_MSG_TYPE_MAKE_SEND, 32, 1);
    reply->device = device->port;
    return D_SUCCESS;
}

static kern_return_t serve_close(struct device *device)
{
    if (--device->opened == 0)
        close_device(device);
    return D_SUCCESS;
}

/* most: octets of data that this form of the request may have. */
static kern_return_t serve_write(struct device *device, const device_write_request_t *request, size_t most)
{
    if (!INTEGER_IS(request, mode) || !INTEGER_IS(request, recnum) ||
        !item_is(&request->Head, &request->dataType, request->data, MACH_MSG_TYPE_CHAR, 8, 0,
                 sizeof request->data))
        return MIG_BAD_ARGUMENTS;
    if (request->dataType.msgt_number > most)
        return D_INVALID_SIZE;
    io_return_t result =
        ethernet_write(device->ethernet, request->data, request->dataType.msgt_number,
                       request->Head.msgh_remote_port, MACH_MSGH_BITS_REMOTE(request->Head.msgh_bits));
    return result == D_IO_QUEUED ? MIG_NO_REPLY : result;
}

static kern_return_t serve_get_status(struct device *device, const device_get_status_request_t *request,
                                      device_get_status_reply_t *reply)
{
    if (!INTEGER_IS(request, flavor) || !INTEGER_IS(request, count))
        return MIG_BAD_ARGUMENTS;
    size_t count = request->count < DEV_STATUS_MAX ? request->count : DEV_STATUS_MAX;
    io_return_t result = ethernet_get_status(device->ethernet, request->flavor, reply->status, &count);
    if (result != D_SUCCESS)
        return result;
    reply->statusType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, (mach_msg_type_number_t)count);
    reply->Head.msgh_size = DEVICE_MESSAGE_SIZE(device_get_status_reply_t, status, count);
    return D_SUCCESS;
}

static kern_return_t serve_set_status(struct device *device, const device_set_status_request_t *request)
{
    if (!INTEGER_IS(request, flavor) || !item_is(&request->Head, &request->statusType, request->status,
                                                 MACH_MSG_TYPE_INTEGER_32, 32, 0, DEV_STATUS_MAX))
        return MIG_BAD_ARGUMENTS;
    return ethernet_set_status(device->ethernet, request->flavor, request->status,
                               request->statusType.msgt_number);
}

static kern_return_t serve_set_filter(struct device *device, device_set_filter_request_t *request)
{
    if ((request->Head.msgh_bits & MACH_MSGH_BITS_COMPLEX) == 0 ||
        !item_is(&request->Head, &request->receive_portType, &request->receive_port, MACH_MSG_TYPE_PORT_SEND,
                 32, 1, 1) ||
        !INTEGER_IS(request, priority) ||
        !item_is(&request->Head, &request->filterType, request->filter, MACH_MSG_TYPE_INTEGER_16, 16, 0,
                 NET_MAX_FILTER))
        return MIG_BAD_ARGUMENTS;
    io_return_t result = ethernet_set_filter(device->ethernet, request->receive_port, request->priority,
                                             request->filter, request->filterType.msgt_number);
    if (result == D_SUCCESS)
        request->receive_port = MACH_PORT_NULL; /* the right is the filter's now */
    return result;
}

/* The last send right was gone when this was sent; one may have been made since, by a device_open that came
 * first. */
static kern_return_t serve_no_senders(struct device *device)
{
    mach_port_status_t status;

    if (device && mach_port_get_receive_status(mach_task_self(), device->port, &status) == KERN_SUCCESS) {
        if (status.mps_srights)
            watch_senders(device, status.mps_mscount);
        else
            close_device(device);
    }
    return MIG_NO_REPLY;
}

static kern_return_t serve(union request *request, union reply *reply)
{
    mach_port_t port = request->Head.msgh_local_port;
    struct device *device = find_device(port);

    switch (request->Head.msgh_id) {
    case MACH_NOTIFY_NO_SENDERS:
        mach_msg_destroy(&request->Head); /* anybody may send one, with any rights */
        return serve_no_senders(device);
    case DEVICE_OPEN_ID:
        return port == server.master ? serve_open(&request->open, &reply->open) : D_INVALID_OPERATION;
    case DEVICE_READ_ID:
    case DEVICE_READ_INBAND_ID:
    case DEVICE_MAP_ID:
        return D_INVALID_OPERATION;
    case DEVICE_CLOSE_ID:
    case DEVICE_WRITE_ID:
    case DEVICE_WRITE_INBAND_ID:
    case DEVICE_GET_STATUS_ID:
    case DEVICE_SET_STATUS_ID:
    case DEVICE_SET_FILTER_ID:
        break;
    default:
        return MIG_BAD_ID;
    }
    if (!device)
        return D_NO_SUCH_DEVICE;
    switch (request->Head.msgh_id) {
    case DEVICE_CLOSE_ID:
        return serve_close(device);
    case DEVICE_WRITE_ID:
        return serve_write(device, &request->write, DEVICE_WRITE_MAX);
    case DEVICE_WRITE_INBAND_ID:
        return serve_write(device, &request->write, IO_INBAND_MAX);
    case DEVICE_GET_STATUS_ID:
        return serve_get_status(device, &request->get_status, &reply->get_status);
    case DEVICE_SET_STATUS_ID:
        return serve_set_status(device, &request->set_status);
    default:
        return serve_set_filter(device, &request->set_filter);
    }
}

/* Answer, or if that cannot be done let the answer and its rights go. */
static void send_reply(union reply *reply)
{
    if (mach_msg(&reply->Head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, reply->Head.msgh_size, 0, MACH_PORT_NULL, 0,
                 MACH_PORT_NULL) != MACH_MSG_SUCCESS)
        mach_msg_destroy(&reply->Head);
}

static void serve_one(union request *request, union reply *reply)
{
    const mach_msg_header_t *head = &request->Head;

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

kern_return_t machdev_start(mach_port_t *master)
{
    mach_port_t task = mach_task_self();
    kern_return_t result = mach_port_allocate(task, MACH_PORT_RIGHT_PORT_SET, &server.requests);

    if (result == KERN_SUCCESS)
        result = mach_port_allocate(task, MACH_PORT_RIGHT_RECEIVE, &server.master);
    if (result == KERN_SUCCESS)
        result = mach_port_insert_right(task, server.master, server.master, MACH_MSG_TYPE_MAKE_SEND);
    if (result == KERN_SUCCESS)
        result = mach_port_move_member(task, server.master, server.requests);
    if (result == KERN_SUCCESS && !ddekit_thread_create(server_thread, NULL, THREAD_NAME))
        result = KERN_RESOURCE_SHORTAGE;
    *master = server.master;
    return result;
}
