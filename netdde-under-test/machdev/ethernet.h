/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux network devices as Mach devices: what each request of the device interface means for one of them.
 *
 * The device server calls these from its own thread, one at a time; frames come in from Linux's softirq
 * thread at any time, and buffers are freed by any thread.
 */
#ifndef NETDDE_MACHDEV_ETHERNET_H
#define NETDDE_MACHDEV_ETHERNET_H

#include <stddef.h>

#include <device/device.h>

struct ethernet;

typedef kern_return_t (*write_answer)(mach_port_t reply_port, mach_msg_type_name_t reply_type,
                                      kern_return_t return_code, int bytes_written);

/*
 * Find the device `name` and bring it up.
 *
 * Returns D_SUCCESS with *ethernet, which is to be closed with ethernet_close; D_NO_SUCH_DEVICE; D_NO_MEMORY;
 * D_IO_ERROR when the driver could not bring it up.
 */
io_return_t ethernet_open(const char *name, struct ethernet **ethernet);

/* Drop the filters, take the device down and free *ethernet. Writes that are under way are answered, if
 * not before it returns then soon after. */
void ethernet_close(struct ethernet *ethernet);

/*
 * Send a frame: count octets from the Ethernet header on, copied.
 *
 * Returns D_IO_QUEUED: answer is called once with reply_port (a right of the kind reply_type, which is taken)
 * when the driver has freed its buffer, with count, or with D_IO_ERROR when Linux did not take the frame. Or
 * what is wrong, reply_port being left to the caller: D_INVALID_SIZE, D_DEVICE_DOWN, D_NO_MEMORY.
 *
 * answer  ds_device_write_reply or ds_device_write_reply_inband; any thread may be in it
 */
io_return_t ethernet_write(struct ethernet *ethernet, const void *data, size_t count, mach_port_t reply_port,
                           mach_msg_type_name_t reply_type, write_answer answer);

/* NET_STATUS, NET_ADDRESS, NET_FLAGS. *count: in, integers that status has room for; out, integers given.
 * D_INVALID_SIZE when the room does not do, D_INVALID_OPERATION for other flavors. */
io_return_t ethernet_get_status(struct ethernet *ethernet, dev_flavor_t flavor, int *status, size_t *count);

/* NET_FLAGS: IFF_PROMISC, IFF_ALLMULTI, IFF_DEBUG and the like; the device stays up whatever IFF_UP says.
 * D_INVALID_OPERATION, D_INVALID_SIZE, D_IO_ERROR. */
io_return_t ethernet_set_status(struct ethernet *ethernet, dev_flavor_t flavor, const int *status,
                                size_t count);

/* A client's port is dead: its filter goes, if it has one. */
void ethernet_forget_client(struct ethernet *ethernet, mach_port_t port);

/* As filter_list_set. */
io_return_t ethernet_set_filter(struct ethernet *ethernet, mach_port_t deliver_to, int priority,
                                const filter_t *words, size_t count);

#endif
