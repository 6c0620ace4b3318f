/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program on DDEKit calls to have Linux drivers. Everything else is Linux's own interface, found as
 * <linux/...>: rtnl_lock, dev_get_by_name, dev_open, alloc_skb, dev_queue_xmit, dev_add_pack (the hook for
 * received frames) and an sk_buff's destructor (the hook for its end) are what a device server needs.
 *
 * Any DDEKit or other thread may call Linux functions; it gets its struct task_struct at its first call.
 */
#ifndef DDE_LINUX_DDE_LINUX_H
#define DDE_LINUX_DDE_LINUX_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Start the environment: the softirq thread (".softirqd") and the worker of the "events" workqueue
 * (".kthread1"). Once, after ddekit_init, ddekit_init_threads, ddekit_init_timers and the PCI initialisation,
 * from one thread.
 */
void dde_linux_init(void);

/* How many CPUs drivers are told that there are, 1 to 8; 1 if nothing is said. A driver may use as many of
 * its card's queues. Before dde_linux_probe_drivers. */
void dde_linux_set_cpus(unsigned int count);

/*
 * Run the init function of every driver that is linked in; each registers with its bus, which probes the
 * devices that match. Returns the number of devices that a driver has taken.
 */
int dde_linux_probe_drivers(void);

/*
 * The first network interface that a driver has made for the device of that name, such as "0000:00:03.0":
 * true with its name, such as "eth0"; false when there is none.
 */
#define DDE_LINUX_INTERFACE_NAME_MAX 16 /* with the final zero */
bool dde_linux_find_interface(const char *device, char name[DDE_LINUX_INTERFACE_NAME_MAX]);

/* Run the exit functions, in reverse order: drivers release their devices, network devices disappear. */
void dde_linux_remove_drivers(void);

/*
 * Remember from now on what is allocated: once, from one thread, when nobody else runs Linux code. When the
 * drivers have gone, dde_linux_report_leaks reports a "leak" (see linux_report of <linux/bug.h>) if something
 * of that has not been freed: memory, pages, mapped registers, and with them buffers, devices,
 * handlers. Returns how many pieces that are.
 */
void dde_linux_watch_memory(void);
unsigned int dde_linux_report_leaks(void);

/*
 * Put all devices to sleep, those behind a bridge before it, as Linux does when the system is suspended to
 * idle, and wake them up again after so many jiffies. Each driver stops its device and starts it again; the
 * device keeps its power. While they sleep no interrupt handler runs that did not ask for it
 * (IRQF_NO_SUSPEND). Linux freezes the threads of applications before that, and here it is up to the caller
 * that nobody sends meanwhile; what is in queues already goes on. Returns 0, or the error of a driver that
 * refused, or could not start its device.
 */
int dde_linux_suspend(unsigned long sleep_jiffies);

/*
 * Set a driver's parameter before dde_linux_probe_drivers, as the kernel's command line does: module
 * "8139too", name "use_io", value "1". Lists take commas. Returns 0, -ENOENT when there is no such parameter,
 * or -EINVAL when the value does not suit its type.
 */
int dde_linux_set_parameter(const char *module, const char *name, const char *value);

/*
 * Give the calling thread its struct task_struct now, named name (copied), instead of at its first Linux
 * call. Returns 0, or -ENOMEM.
 */
int dde_linux_adopt_thread(const char *name);

#ifdef __cplusplus
}
#endif
#endif
