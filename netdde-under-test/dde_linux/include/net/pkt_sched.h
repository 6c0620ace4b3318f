/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/pkt_sched.h>: drivers include it for <linux/netdevice.h>. The queue is private to it. */
#ifndef DDE_NET_PKT_SCHED_H
#define DDE_NET_PKT_SCHED_H

#include <linux/netdevice.h>

#endif
