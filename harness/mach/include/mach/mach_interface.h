/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel calls on ports, threads and memory, after the GNU Mach Reference Manual. Here they are functions,
 * not messages to kernel ports. `task` is always mach_task_self(), any other gives KERN_INVALID_TASK.
 */
#ifndef HARNESS_MACH_INTERFACE_H
#define HARNESS_MACH_INTERFACE_H

#include <mach/message.h>
#include <mach/notify.h>

typedef mach_port_t task_t;
typedef mach_port_t thread_t;
typedef mach_port_t host_t;
typedef mach_port_t host_priv_t;

/* The one task there is. */
mach_port_t mach_task_self(void);

/* --- Ports --- */

/* Make a port (MACH_PORT_RIGHT_RECEIVE; no send right to it exists yet) or a set (MACH_PORT_RIGHT_PORT_SET).
 * KERN_INVALID_VALUE for other rights, KERN_RESOURCE_SHORTAGE beyond MACH_NAMES_MAX. */
kern_return_t mach_port_allocate(ipc_space_t task, mach_port_right_t right, mach_port_t *name);

/* A new port to receive replies through, or MACH_PORT_NULL. The caller owns it. */
mach_port_t mach_reply_port(void);

/* The calling thread's reply port, made on first use and destroyed when the thread ends; for stubs. */
mach_port_t mig_get_reply_port(void);
/* The stub found `port` unusable: forget (and destroy) it, the next mig_get_reply_port() makes another. */
void mig_dealloc_reply_port(mach_port_t port);

/* Add a send right. `right` must equal `name` (one name space); `type` is MACH_MSG_TYPE_MAKE_SEND (from the
 * receive right) or MACH_MSG_TYPE_COPY_SEND (from a send right). */
kern_return_t mach_port_insert_right(ipc_space_t task, mach_port_t name, mach_port_t right,
                                     mach_msg_type_name_t type);

/* Give up one send right or one reference to a dead name. KERN_INVALID_RIGHT when there is none. */
kern_return_t mach_port_deallocate(ipc_space_t task, mach_port_t name);

/* Give up everything the name stands for. A receive right: the port dies, see mach_port_mod_refs(). */
kern_return_t mach_port_destroy(ipc_space_t task, mach_port_t name);

/* Add `delta` to the number of rights of a kind: SEND (any delta), RECEIVE and PORT_SET (-1), DEAD_NAME.
 * When the receive right goes, the port dies: queued messages are lost, blocked receivers return
 * MACH_RCV_PORT_DIED, blocked senders MACH_SEND_INVALID_DEST, send rights become dead names, and requested
 * dead-name notifications are sent. */
kern_return_t mach_port_mod_refs(ipc_space_t task, mach_port_t name, mach_port_right_t right,
                                 mach_port_delta_t delta);

/* How many rights of a kind the name stands for. */
kern_return_t mach_port_get_refs(ipc_space_t task, mach_port_t name, mach_port_right_t right,
                                 natural_t *refs);

/* Let a port queue `limit` messages, at most MACH_PORT_QLIMIT_MAX (else KERN_INVALID_VALUE). */
kern_return_t mach_port_set_qlimit(ipc_space_t task, mach_port_t name, mach_port_msgcount_t limit);

typedef struct {
    mach_port_t mps_pset;            /* the set it is in, or MACH_PORT_NULL */
    mach_port_seqno_t mps_seqno;     /* messages given out */
    mach_port_mscount_t mps_mscount; /* send rights made */
    mach_port_msgcount_t mps_qlimit;
    mach_port_msgcount_t mps_msgcount; /* messages queued */
    natural_t mps_sorights;            /* always 0: not counted */
    boolean_t mps_srights;             /* do send rights exist */
    boolean_t mps_pdrequest;
    boolean_t mps_nsrequest;
} mach_port_status_t;

kern_return_t mach_port_get_receive_status(ipc_space_t task, mach_port_t name, mach_port_status_t *status);

/* Put a port into a set, or with MACH_PORT_NULL out of its set. A receive that waits at the port itself
 * returns MACH_RCV_PORT_CHANGED. At most MACH_SET_MEMBERS_MAX in a set (KERN_RESOURCE_SHORTAGE). */
kern_return_t mach_port_move_member(ipc_space_t task, mach_port_t member, mach_port_t after);

/*
 * Ask for one notification message about `name`, sent to `notify`, which replaces the one asked for before.
 * MACH_NOTIFY_DEAD_NAME: when the port dies (sync != 0: at once if it is dead already).
 * MACH_NOTIFY_NO_SENDERS: when no send right is left (at once if there is none and the make-send count has
 * reached sync). notify_type is MACH_MSG_TYPE_MAKE_SEND_ONCE or MACH_MSG_TYPE_MOVE_SEND_ONCE; with notify
 * MACH_PORT_NULL the request is taken back. *previous becomes the port that was to be notified, or
 * MACH_PORT_NULL. A notification is queued beyond the port's limit, and lost when that port is dead.
 */
kern_return_t mach_port_request_notification(ipc_space_t task, mach_port_t name, mach_msg_id_t variant,
                                             mach_port_mscount_t sync, mach_port_t notify,
                                             mach_msg_type_name_t notify_type, mach_port_t *previous);

/* --- Threads --- */

/* The calling thread's port. Works in any pthread. The name dies with the thread. */
mach_port_t mach_thread_self(void);

/*
 * Suspension is counted, and takes effect at the thread's next message call or at the end of the one it is
 * in: a thread that computes goes on until then. (The kernel stops it anywhere; but a thread that calls
 * nothing cannot be told from one that has not got the processor.) A wait that the thread is in goes on,
 * and may take a message. A thread that suspends itself stops inside the call.
 * Returns KERN_INVALID_ARGUMENT when `thread` is no living thread.
 */
kern_return_t thread_suspend(thread_t thread);
/* KERN_FAILURE when it is not suspended. */
kern_return_t thread_resume(thread_t thread);

/* End the message call that the thread is blocked in with MACH_SEND_INTERRUPTED or MACH_RCV_INTERRUPTED (see
 * mach_msg() on who sees that). To a thread that is not blocked in one this does nothing, now or later. */
kern_return_t thread_abort(thread_t thread);

/* Accepted and without effect: the order of threads is the scheduler's choice and must not depend on it. */
kern_return_t thread_priority(thread_t thread, int priority, boolean_t set_max);

/* The calling thread's name in reports, and of the ports that it receives from ("port 12 of ddekit_timer").
 * Copied; for ports cut to 31 characters. KERN_INVALID_ARGUMENT for another thread than the calling one. */
kern_return_t thread_set_name(thread_t thread, const char *name);

/* --- Memory --- */

/* Zeroed memory, whole pages, at any address (anywhere must be TRUE). */
kern_return_t vm_allocate(task_t task, vm_address_t *address, vm_size_t size, boolean_t anywhere);
/* Give back what vm_allocate() or vm_allocate_contiguous() gave, with the same size. */
kern_return_t vm_deallocate(task_t task, vm_address_t address, vm_size_t size);

/*
 * Zeroed memory that is contiguous in the machine's physical memory, size in bytes rounded up to pages.
 * *vaddr: where it is; *paddr: its physical address, in [pmin, pmax), a multiple of palign (0: of a page).
 * KERN_RESOURCE_SHORTAGE when there is none.
 */
kern_return_t vm_allocate_contiguous(host_priv_t host_priv, task_t task, vm_address_t *vaddr,
                                     vm_address_t *paddr, vm_size_t size, vm_address_t pmin,
                                     vm_address_t pmax, vm_address_t palign);

#endif
