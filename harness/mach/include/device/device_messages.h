/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of the device interface: what the stubs in <device/device.h> send and what a device server
 * receives and answers. Ids are those of GNU Mach's device.defs (subsystem device 2800); a reply's id is the
 * request's plus 100. The reply port is the header's local port, a send-once right.
 *
 * One departure: data of device_write is in the message, where MIG sends it out of line.
 *
 * Every struct is the longest form. A request that ends with an array is sent with
 * DEVICE_MESSAGE_SIZE(struct, array, elements) bytes, and the array's descriptor has the number of elements.
 */
#ifndef HARNESS_DEVICE_MESSAGES_H
#define HARNESS_DEVICE_MESSAGES_H

#include <device/device_types.h>
#include <device/net_status.h>
#include <mach/mig_errors.h>

enum {
    DEVICE_OPEN_ID = 2800,
    DEVICE_CLOSE_ID = 2801,
    DEVICE_WRITE_ID = 2802,
    DEVICE_WRITE_INBAND_ID = 2803,
    DEVICE_READ_ID = 2804,
    DEVICE_READ_INBAND_ID = 2805,
    DEVICE_MAP_ID = 2809,
    DEVICE_SET_STATUS_ID = 2810,
    DEVICE_GET_STATUS_ID = 2811,
    DEVICE_SET_FILTER_ID = 2812,
    DEVICE_INTR_REGISTER_ID = 2813,
    DEVICE_INTR_ACK_ID = 2814,
};
#define DEVICE_REPLY_ID(request) ((mach_msg_id_t)((unsigned)(request) + MIG_REPLY_ID_OFFSET))

/* Longest data of a device_write(), in bytes. */
#define DEVICE_WRITE_MAX 4096

/* Bytes of a message whose last member `array` has only `elements` elements. */
#define DEVICE_MESSAGE_SIZE(type, array, elements)                                                           \
    ((mach_msg_size_t)((offsetof(type, array) + (elements) * sizeof(((type *)0)->array[0]) +                 \
                        MACH_MSG_USER_ALIGNMENT - 1) &                                                       \
                       ~(size_t)(MACH_MSG_USER_ALIGNMENT - 1)))

/* Descriptor of `number` elements of `bits` bits. */
#define DEVICE_ITEM(name, bits, number)                                                                      \
    ((mach_msg_type_t){                                                                                      \
        .msgt_name = (name), .msgt_size = (bits), .msgt_inline = TRUE, .msgt_number = (number)})

typedef struct {
    mach_msg_header_t Head; /* to the master port */
    mach_msg_type_t modeType;
    dev_mode_t mode;
    mach_msg_type_t nameType; /* MACH_MSG_TYPE_STRING_C, DEVICE_NAME_MAX * 8 bits, one */
    dev_name_t name;
} device_open_request_t;

typedef struct {
    mach_msg_header_t Head; /* complex */
    mach_msg_type_t RetCodeType;
    kern_return_t RetCode;       /* otherwise than D_SUCCESS: the message may end here */
    mach_msg_type_t device_type; /* MACH_MSG_TYPE_PORT_SEND for the receiver */
    device_t device;
    int padding;
} device_open_reply_t;

typedef struct {
    mach_msg_header_t Head;
} device_close_request_t;

/* device_write and device_write_inband */
typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t modeType;
    dev_mode_t mode;
    mach_msg_type_t recnumType;
    recnum_t recnum;
    mach_msg_type_t dataType; /* MACH_MSG_TYPE_CHAR */
    char data[DEVICE_WRITE_MAX];
} device_write_request_t;

typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t RetCodeType;
    kern_return_t RetCode;
    mach_msg_type_t bytes_writtenType;
    int bytes_written;
    int padding;
} device_write_reply_t;

typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t flavorType;
    dev_flavor_t flavor;
    mach_msg_type_t statusType; /* MACH_MSG_TYPE_INTEGER_32 */
    int status[DEV_STATUS_MAX];
} device_set_status_request_t;

typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t flavorType;
    dev_flavor_t flavor;
    mach_msg_type_t countType;
    mach_msg_type_number_t count; /* integers the caller has room for, at most DEV_STATUS_MAX */
    int padding;
} device_get_status_request_t;

typedef struct {
    mach_msg_header_t Head;
    mach_msg_type_t RetCodeType;
    kern_return_t RetCode;
    mach_msg_type_t statusType; /* MACH_MSG_TYPE_INTEGER_32 */
    int status[DEV_STATUS_MAX];
} device_get_status_reply_t;

typedef struct {
    mach_msg_header_t Head; /* complex */
    mach_msg_type_t receive_portType;
    mach_port_t receive_port; /* a send right (or the null port) for the server */
    mach_msg_type_t priorityType;
    int priority;
    mach_msg_type_t filterType; /* MACH_MSG_TYPE_INTEGER_16 */
    filter_t filter[NET_MAX_FILTER];
} device_set_filter_request_t;

/* Reply to close, set_status and set_filter: mig_reply_header_t. */

#endif
