/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device interface as a client calls it: each function is one remote procedure call, a request message to
 * the device's port and a wait for the reply at the calling thread's reply port. After GNU Mach's
 * device.defs.
 *
 * Each returns the server's io_return_t (D_SUCCESS, D_...), or when the call itself failed a mach_msg() error
 * (MACH_SEND_INVALID_DEST when the server's port is dead) or MIG_*. Data stays the caller's. A server that
 * dies after it took the request is not noticed: the caller waits for ever, as send-once rights are not
 * tracked.
 *
 * The calls to the kernel's own devices are functions without messages.
 */
#ifndef HARNESS_DEVICE_DEVICE_H
#define HARNESS_DEVICE_DEVICE_H

#include <stdint.h>

#include <device/device_types.h>
#include <device/net_status.h>
#include <device/notify.h>

/* Open the device `name` at the server behind master_port. *device: a send right, the caller's. */
kern_return_t device_open(mach_port_t master_port, dev_mode_t mode, const char *name, device_t *device);
kern_return_t device_close(device_t device);

/* Write count bytes (at most DEVICE_WRITE_MAX), and wait for the answer. *bytes_written: bytes taken. */
kern_return_t device_write(device_t device, dev_mode_t mode, recnum_t recnum, const char *data,
                           mach_msg_type_number_t count, int *bytes_written);
/* The same, at most IO_INBAND_MAX bytes. */
kern_return_t device_write_inband(device_t device, dev_mode_t mode, recnum_t recnum, const char *data,
                                  mach_msg_type_number_t count, int *bytes_written);

/*
 * Write without waiting (device_request.defs): the answer comes to reply_port as a device_write_reply_t. One
 * reply right is made of reply_port (reply_type MACH_MSG_TYPE_MAKE_SEND_ONCE). Blocks while the device's
 * queue is full.
 */
kern_return_t device_write_request(device_t device, mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                   dev_mode_t mode, recnum_t recnum, const char *data,
                                   mach_msg_type_number_t count);

/* *count: in, integers that status has room for; out, integers given. */
kern_return_t device_get_status(device_t device, dev_flavor_t flavor, dev_status_t status,
                                mach_msg_type_number_t *count);
kern_return_t device_set_status(device_t device, dev_flavor_t flavor, const int *status,
                                mach_msg_type_number_t count);

/* Have frames that pass the filter sent to receive_port. receive_type: MACH_MSG_TYPE_MAKE_SEND or COPY_SEND.
 * count: words in filter, at most NET_MAX_FILTER. See <device/net_status.h> for the filter's form. */
kern_return_t device_set_filter(device_t device, mach_port_t receive_port, mach_msg_type_name_t receive_type,
                                int priority, const filter_t *filter, mach_msg_type_number_t count);

/*
 * Server side (device_reply.defs): answer a write later. reply_port and reply_type as the request had them;
 * the right is given up, whether or not the answer could be sent. Never blocks. MACH_SEND_INVALID_DEST when
 * the client is gone, MACH_SEND_TIMED_OUT when its port is full.
 */
kern_return_t ds_device_write_reply(mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                    kern_return_t return_code, int bytes_written);
/* The same for a device_write_inband. */
kern_return_t ds_device_write_reply_inband(mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                           kern_return_t return_code, int bytes_written);

/*
 * Have interrupts of a line sent to receive_port as mach_intr_notification_t. The line is unmasked; each
 * notification masks it until device_intr_enable().
 *
 * master_port   the device master port (else KERN_INVALID_ARGUMENT)
 * line          0 .. IRQ_LINES-1, or a number of device_intr_messages (else D_NO_SUCH_DEVICE)
 * id, flags     ignored
 * receive_port  gets the messages; MACH_PORT_NULL ends the registration
 * receive_type  MACH_MSG_TYPE_MAKE_SEND or MACH_MSG_TYPE_COPY_SEND
 *
 * One port a line: D_ALREADY_OPEN while another living port has it. When the port dies the line becomes
 * masked and free at the next interrupt or registration.
 */
kern_return_t device_intr_register(mach_port_t master_port, int line, int id, int flags,
                                   mach_port_t receive_port, mach_msg_type_name_t receive_type);

/* status TRUE: unmask the line, and if it is still high send the next notification at once. FALSE: mask it.
 */
kern_return_t device_intr_enable(mach_port_t master_port, int line, char status);

/*
 * Numbers for message-signalled interrupts, to be used as lines are: a device that writes one of them, 32
 * bits, to *address interrupts. GNU Mach has no such interrupts; these two calls are what such a kernel would
 * need.
 *
 * count     numbers that follow each other, a power of two
 * *first    the first one, a multiple of count
 * *address  a bus address, of the interrupt controller
 *
 * D_NO_MEMORY when there are not so many left.
 */
kern_return_t device_intr_messages(mach_port_t master_port, int count, int *first, uint64_t *address);
/* Give them back, when nobody is registered for them any more. */
kern_return_t device_intr_messages_free(mach_port_t master_port, int first, int count);

#endif
