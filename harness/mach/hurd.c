/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The privileged ports. See <hurd.h>.
 */
#include <hurd.h>

#include "harness/mach/ipc.h"

error_t get_privileged_ports(mach_port_t *host_priv, mach_port_t *device_master)
{
    if (host_priv)
        *host_priv = NAME_HOST_PRIV;
    if (device_master)
        *device_master = NAME_DEVICE_MASTER;
    return 0;
}
