/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text for return codes. See <mach_error.h>.
 */
#include <mach_error.h>

#include <stddef.h>

#include <device/device_types.h>
#include <mach/message.h>
#include <mach/mig_errors.h>

static const struct {
    int error;
    const char *text;
} texts[] = {
    {KERN_SUCCESS, "success"},
    {KERN_INVALID_ADDRESS, "invalid address"},
    {KERN_NO_SPACE, "no space"},
    {KERN_INVALID_ARGUMENT, "invalid argument"},
    {KERN_FAILURE, "failure"},
    {KERN_RESOURCE_SHORTAGE, "resource shortage"},
    {KERN_NAME_EXISTS, "the right has a name already"},
    {KERN_INVALID_NAME, "the name stands for nothing"},
    {KERN_INVALID_TASK, "no such task"},
    {KERN_INVALID_RIGHT, "the name stands for another right"},
    {KERN_INVALID_VALUE, "value out of range"},
    {KERN_UREFS_OVERFLOW, "too many references"},
    {MACH_SEND_INVALID_DATA, "send: no message"},
    {MACH_SEND_INVALID_DEST, "send: no such port, or it is dead"},
    {MACH_SEND_TIMED_OUT, "send: timed out"},
    {MACH_SEND_INTERRUPTED, "send: interrupted"},
    {MACH_SEND_MSG_TOO_SMALL, "send: shorter than a header"},
    {MACH_SEND_INVALID_REPLY, "send: no such reply port"},
    {MACH_SEND_INVALID_RIGHT, "send: no such right in the body"},
    {MACH_SEND_NO_BUFFER, "send: too long, or no memory"},
    {MACH_SEND_INVALID_TYPE, "send: the body is not well formed"},
    {MACH_SEND_INVALID_HEADER, "send: the header is not well formed"},
    {MACH_RCV_INVALID_NAME, "receive: no receive right and no port set"},
    {MACH_RCV_TIMED_OUT, "receive: timed out"},
    {MACH_RCV_TOO_LARGE, "receive: the message does not fit"},
    {MACH_RCV_INTERRUPTED, "receive: interrupted"},
    {MACH_RCV_PORT_CHANGED, "receive: the port was put into a set"},
    {MACH_RCV_INVALID_DATA, "receive: no buffer"},
    {MACH_RCV_PORT_DIED, "receive: the port died"},
    {MACH_RCV_IN_SET, "receive: the port is in a set"},
    {MIG_TYPE_ERROR, "the reply is not well formed"},
    {MIG_REPLY_MISMATCH, "the reply is to another request"},
    {MIG_BAD_ID, "the server does not know the request"},
    {MIG_BAD_ARGUMENTS, "the request is not well formed"},
    {MIG_NO_REPLY, "the reply comes later"},
    {MIG_ARRAY_TOO_LARGE, "the array is too large"},
    {MIG_SERVER_DIED, "the server died"},
    {D_IO_QUEUED, "queued"},
    {D_IO_ERROR, "input or output failed"},
    {D_WOULD_BLOCK, "would block"},
    {D_NO_SUCH_DEVICE, "no such device"},
    {D_ALREADY_OPEN, "in use already"},
    {D_DEVICE_DOWN, "the device is down"},
    {D_INVALID_OPERATION, "not an operation of this device"},
    {D_INVALID_RECNUM, "no such record"},
    {D_INVALID_SIZE, "size out of range"},
    {D_NO_MEMORY, "no memory"},
    {D_READ_ONLY, "read only"},
};

const char *mach_error_string(int error)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].error == error)
            return texts[i].text;
    }
    return "unknown error";
}
