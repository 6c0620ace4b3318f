/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports and the rights to them, after "Mach 3 Kernel Principles" and the GNU Mach Reference Manual.
 *
 * There is one task, so one name space: a name is a small number, the receive right and the send rights of a
 * port go by the same name, and a name is not given out again soon after it has died.
 *
 * Left out: names chosen by the caller; send-once rights have no name and no count of their own, they are
 * spelt with the port's name and are good for as long as the port lives.
 */
#ifndef HARNESS_MACH_PORT_H
#define HARNESS_MACH_PORT_H

#include <mach/std_types.h>
#include <mach/kern_return.h>

typedef natural_t mach_port_t;
typedef mach_port_t mach_port_name_t;
typedef mach_port_t ipc_space_t;
typedef natural_t mach_port_right_t;
typedef natural_t mach_port_msgcount_t;
typedef natural_t mach_port_mscount_t;
typedef natural_t mach_port_seqno_t;
typedef integer_t mach_port_delta_t;

#define MACH_PORT_NULL ((mach_port_t)0)
#define MACH_PORT_DEAD ((mach_port_t)~0u)
#define MACH_PORT_VALID(name) ((name) != MACH_PORT_NULL && (name) != MACH_PORT_DEAD)

#define MACH_PORT_RIGHT_SEND ((mach_port_right_t)0)
#define MACH_PORT_RIGHT_RECEIVE ((mach_port_right_t)1)
#define MACH_PORT_RIGHT_SEND_ONCE ((mach_port_right_t)2)
#define MACH_PORT_RIGHT_PORT_SET ((mach_port_right_t)3)
#define MACH_PORT_RIGHT_DEAD_NAME ((mach_port_right_t)4)

/* How many messages a port queues before senders wait. */
#define MACH_PORT_QLIMIT_DEFAULT 5u
#define MACH_PORT_QLIMIT_MAX 16u

/* Ports, port sets, dead names and threads that may exist at once; a call that would make one more returns
 * KERN_RESOURCE_SHORTAGE. */
#define MACH_NAMES_MAX 512u
/* Ports in one port set. */
#define MACH_SET_MEMBERS_MAX 64u

#endif
