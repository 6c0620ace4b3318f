/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/ip.h>: limits of IPv4. */
#ifndef DDE_NET_IP_H
#define DDE_NET_IP_H

#define IP_MAX_MTU 0xffffU

#endif
