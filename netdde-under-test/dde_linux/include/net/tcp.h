/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/tcp.h>: limits of TCP. */
#ifndef DDE_NET_TCP_H
#define DDE_NET_TCP_H

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>

/* The least segment that options leave room for in the least MTU that IPv4 allows. */
#define TCP_MIN_SND_MSS 48
#define TCP_MIN_GSO_SIZE (TCP_MIN_SND_MSS - MAX_TCP_OPTION_SPACE)
#define MAX_TCP_OPTION_SPACE 40

#endif
