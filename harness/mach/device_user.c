/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's side of the device interface, as MIG would make it from device.defs. See <device/device.h>.
 */
#include <device/device.h>

#include <string.h>

#include <device/device_messages.h>
#include <mach.h>

#define ITEM_INTEGER DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, 1)

/*
 * Send the request in `msg` to `server`, and wait for the reply, which takes its place. room: bytes at msg.
 * least: bytes a reply has when the call succeeded. Returns what the server returned, or why there is no
 * answer.
 */
static kern_return_t call(mach_port_t server, mach_msg_header_t *msg, mach_msg_id_t id, mach_msg_size_t size,
                          mach_msg_size_t room, mach_msg_size_t least)
{
    mach_port_t reply_port = mig_get_reply_port();
    if (reply_port == MACH_PORT_NULL)
        return KERN_RESOURCE_SHORTAGE;
    mach_msg_bits_t complex = msg->msgh_bits & MACH_MSGH_BITS_COMPLEX;
    msg->msgh_bits = complex | MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, MACH_MSG_TYPE_MAKE_SEND_ONCE);
    msg->msgh_remote_port = server;
    msg->msgh_local_port = reply_port;
    msg->msgh_id = id;
    mach_msg_return_t result = mach_msg(msg, MACH_SEND_MSG | MACH_RCV_MSG, size, room, reply_port,
                                        MACH_MSG_TIMEOUT_NONE, MACH_PORT_NULL);
    if (result != MACH_MSG_SUCCESS) {
        /* A late reply must not be taken for the next call's. */
        if (result != MACH_SEND_INVALID_DEST)
            mig_dealloc_reply_port(reply_port);
        return result;
    }
    const mig_reply_header_t *reply = (const mig_reply_header_t *)msg;
    kern_return_t code = KERN_SUCCESS;
    if (msg->msgh_id != DEVICE_REPLY_ID(id))
        code = MIG_REPLY_MISMATCH;
    else if (msg->msgh_size < offsetof(mig_reply_header_t, padding))
        code = MIG_TYPE_ERROR;
    else if (reply->RetCode != KERN_SUCCESS)
        code = reply->RetCode;
    else if (msg->msgh_size < least)
        code = MIG_TYPE_ERROR;
    if (code != KERN_SUCCESS)
        mach_msg_destroy(msg);
    return code;
}

kern_return_t device_open(mach_port_t master_port, dev_mode_t mode, const char *name, device_t *device)
{
    union {
        device_open_request_t request;
        device_open_reply_t reply;
    } message = {.request = {
                     .modeType = ITEM_INTEGER,
                     .mode = mode,
                     .nameType = DEVICE_ITEM(MACH_MSG_TYPE_STRING_C, DEVICE_NAME_MAX * 8, 1),
                 }};
    if (strlen(name) >= DEVICE_NAME_MAX)
        return D_NO_SUCH_DEVICE;
    strcpy(message.request.name, name);
    kern_return_t result = call(master_port, &message.request.Head, DEVICE_OPEN_ID, sizeof(message.request),
                                sizeof(message), offsetof(device_open_reply_t, padding));
    if (result == KERN_SUCCESS)
        *device = message.reply.device;
    return result;
}

kern_return_t device_close(device_t device)
{
    union {
        device_close_request_t request;
        mig_reply_header_t reply;
    } message = {.request = {{0}}};
    return call(device, &message.request.Head, DEVICE_CLOSE_ID, sizeof(message.request), sizeof(message), 0);
}

/* Fill in a write request. Returns its size, or 0 when the data is too long. */
static mach_msg_size_t make_write(device_write_request_t *request, dev_mode_t mode, recnum_t recnum,
                                  const char *data, mach_msg_type_number_t count)
{
    if (count > DEVICE_WRITE_MAX)
        return 0;
    memset(request, 0, offsetof(device_write_request_t, data));
    request->modeType = request->recnumType = ITEM_INTEGER;
    request->mode = mode;
    request->recnum = recnum;
    request->dataType = DEVICE_ITEM(MACH_MSG_TYPE_CHAR, 8, count);
    memcpy(request->data, data, count);
    mach_msg_size_t size = DEVICE_MESSAGE_SIZE(device_write_request_t, data, count);
    size_t used = offsetof(device_write_request_t, data) + count;
    memset((char *)request + used, 0, size - used);
    return size;
}

static kern_return_t write_and_wait(device_t device, mach_msg_id_t id, dev_mode_t mode, recnum_t recnum,
                                    const char *data, mach_msg_type_number_t count, int *bytes_written)
{
    union {
        device_write_request_t request;
        device_write_reply_t reply;
    } message;
    mach_msg_size_t size = make_write(&message.request, mode, recnum, data, count);
    if (size == 0)
        return D_INVALID_SIZE;
    kern_return_t result = call(device, &message.request.Head, id, size, sizeof(message),
                                offsetof(device_write_reply_t, padding));
    if (result == KERN_SUCCESS)
        *bytes_written = message.reply.bytes_written;
    return result;
}

kern_return_t device_write(device_t device, dev_mode_t mode, recnum_t recnum, const char *data,
                           mach_msg_type_number_t count, int *bytes_written)
{
    return write_and_wait(device, DEVICE_WRITE_ID, mode, recnum, data, count, bytes_written);
}

kern_return_t device_write_inband(device_t device, dev_mode_t mode, recnum_t recnum, const char *data,
                                  mach_msg_type_number_t count, int *bytes_written)
{
    if (count > IO_INBAND_MAX)
        return D_INVALID_SIZE;
    return write_and_wait(device, DEVICE_WRITE_INBAND_ID, mode, recnum, data, count, bytes_written);
}

kern_return_t device_write_request(device_t device, mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                   dev_mode_t mode, recnum_t recnum, const char *data,
                                   mach_msg_type_number_t count)
{
    device_write_request_t request;
    mach_msg_size_t size = make_write(&request, mode, recnum, data, count);
    if (size == 0)
        return D_INVALID_SIZE;
    request.Head.msgh_bits = MACH_MSGH_BITS(MACH_MSG_TYPE_COPY_SEND, reply_type);
    request.Head.msgh_remote_port = device;
    request.Head.msgh_local_port = reply_port;
    request.Head.msgh_id = DEVICE_WRITE_ID;
    return mach_msg(&request.Head, MACH_SEND_MSG, size, 0, MACH_PORT_NULL, MACH_MSG_TIMEOUT_NONE,
                    MACH_PORT_NULL);
}

kern_return_t device_get_status(device_t device, dev_flavor_t flavor, dev_status_t status,
                                mach_msg_type_number_t *count)
{
    union {
        device_get_status_request_t request;
        device_get_status_reply_t reply;
    } message = {.request = {
                     .flavorType = ITEM_INTEGER,
                     .flavor = flavor,
                     .countType = ITEM_INTEGER,
                     .count = *count < DEV_STATUS_MAX ? *count : DEV_STATUS_MAX,
                 }};
    kern_return_t result = call(device, &message.request.Head, DEVICE_GET_STATUS_ID, sizeof(message.request),
                                sizeof(message), DEVICE_MESSAGE_SIZE(device_get_status_reply_t, status, 0));
    if (result != KERN_SUCCESS)
        return result;
    mach_msg_type_number_t given = message.reply.statusType.msgt_number;
    if (given > *count)
        return MIG_ARRAY_TOO_LARGE;
    if (message.reply.Head.msgh_size < offsetof(device_get_status_reply_t, status) + given * sizeof(int))
        return MIG_TYPE_ERROR;
    memcpy(status, message.reply.status, given * sizeof(int));
    *count = given;
    return KERN_SUCCESS;
}

kern_return_t device_set_status(device_t device, dev_flavor_t flavor, const int *status,
                                mach_msg_type_number_t count)
{
    union {
        device_set_status_request_t request;
        mig_reply_header_t reply;
    } message = {.request = {
                     .flavorType = ITEM_INTEGER,
                     .flavor = flavor,
                     .statusType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_32, 32, count),
                 }};
    if (count > DEV_STATUS_MAX)
        return D_INVALID_SIZE;
    memcpy(message.request.status, status, count * sizeof(int));
    return call(device, &message.request.Head, DEVICE_SET_STATUS_ID,
                DEVICE_MESSAGE_SIZE(device_set_status_request_t, status, count), sizeof(message), 0);
}

kern_return_t device_set_filter(device_t device, mach_port_t receive_port, mach_msg_type_name_t receive_type,
                                int priority, const filter_t *filter, mach_msg_type_number_t count)
{
    union {
        device_set_filter_request_t request;
        mig_reply_header_t reply;
    } message = {.request = {
                     .Head = {.msgh_bits = MACH_MSGH_BITS_COMPLEX},
                     .receive_portType = DEVICE_ITEM(receive_type, 32, 1),
                     .receive_port = receive_port,
                     .priorityType = ITEM_INTEGER,
                     .priority = priority,
                     .filterType = DEVICE_ITEM(MACH_MSG_TYPE_INTEGER_16, 16, count),
                 }};
    if (count > NET_MAX_FILTER)
        return D_INVALID_SIZE;
    memcpy(message.request.filter, filter, count * sizeof(filter_t));
    return call(device, &message.request.Head, DEVICE_SET_FILTER_ID,
                DEVICE_MESSAGE_SIZE(device_set_filter_request_t, filter, count), sizeof(message), 0);
}

static kern_return_t answer_write(mach_msg_id_t id, mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                  kern_return_t return_code, int bytes_written)
{
    device_write_reply_t reply = {
        .Head = {.msgh_bits = MACH_MSGH_BITS(reply_type, 0),
                 .msgh_remote_port = reply_port,
                 .msgh_id = DEVICE_REPLY_ID(id)},
        .RetCodeType = ITEM_INTEGER,
        .RetCode = return_code,
        .bytes_writtenType = ITEM_INTEGER,
        .bytes_written = bytes_written,
    };
    mach_msg_return_t result = mach_msg(&reply.Head, MACH_SEND_MSG | MACH_SEND_TIMEOUT, sizeof(reply), 0,
                                        MACH_PORT_NULL, 0, MACH_PORT_NULL);
    if (result != MACH_MSG_SUCCESS)
        mach_msg_destroy(&reply.Head);
    return result;
}

kern_return_t ds_device_write_reply(mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                    kern_return_t return_code, int bytes_written)
{
    return answer_write(DEVICE_WRITE_ID, reply_port, reply_type, return_code, bytes_written);
}

kern_return_t ds_device_write_reply_inband(mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                           kern_return_t return_code, int bytes_written)
{
    return answer_write(DEVICE_WRITE_INBAND_ID, reply_port, reply_type, return_code, bytes_written);
}
