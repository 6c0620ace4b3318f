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

/* Have `handed_out` called for each frame that the filters have seen, in the thread that delivers it: what
 * became of it. Before the first device_open. */
void machdev_on_handed_out(void (*handed_out)(void *opaque, const struct filter_report *report),
                           void *opaque);

/* Tell of one. For the devices behind the server. */
void machdev_handed_out(const struct filter_report *report);

/* How many devices are open. A client that dies does not close its device: the server does, soon after. */
size_t machdev_open_devices(void);

#endif
