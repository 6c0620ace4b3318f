/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of the Hurd's C library that a driver process needs: the privileged ports.
 */
#ifndef HARNESS_HURD_H
#define HARNESS_HURD_H

#include <errno.h>
#include <mach.h>

#ifndef __error_t_defined
typedef int error_t;
#define __error_t_defined 1
#endif

/* The host-privileged port and the device master port, send rights that are the kernel's to keep. Either
 * argument may be NULL. Returns 0. */
error_t get_privileged_ports(mach_port_t *host_priv, mach_port_t *device_master);

#endif
