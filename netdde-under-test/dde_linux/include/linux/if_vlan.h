/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/if_vlan.h>: sizes of tagged frames. Nothing is tagged here. */
#ifndef DDE_LINUX_IF_VLAN_H
#define DDE_LINUX_IF_VLAN_H

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#define VLAN_HLEN 4
#define VLAN_ETH_HLEN 18
#define VLAN_ETH_ZLEN 64
#define VLAN_ETH_DATA_LEN 1500
#define VLAN_ETH_FRAME_LEN 1518

#endif
