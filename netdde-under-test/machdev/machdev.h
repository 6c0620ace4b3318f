/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device server: Linux network devices for Mach clients, by the messages of <device/device_messages.h>.
 */
#ifndef NETDDE_MACHDEV_MACHDEV_H
#define NETDDE_MACHDEV_MACHDEV_H

#include <mach.h>

#include "netdde-under-test/machdev/filter.h"

/*
 * Start the thread "device server", after dde_linux_init. Once.
 *
 * *master: a send right to the port that answers device_open, the caller's.
 *
 * Returns KERN_SUCCESS, or what kept a port or the thread from being made.
 */
kern_return_t machdev_start(mach_port_t *master);

/* Have `undelivered` called for each received frame that reaches no client, with the reason, in the thread
 * that delivers. Before the first device_open; NULL for nobody. */
void machdev_on_undelivered(void (*undelivered)(enum filter_outcome why));

/* Tell of one. For the devices behind the server. */
void machdev_undelivered(enum filter_outcome why);

#endif
