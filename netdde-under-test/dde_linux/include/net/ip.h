/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/ip.h>: limits of IPv4, and what its header has where the offset of a fragment is. */
#ifndef DDE_NET_IP_H
#define DDE_NET_IP_H

#define IP_MAX_MTU 0xffffU

#define IP_CE 0x8000     /* reserved */
#define IP_DF 0x4000     /* may not be fragmented */
#define IP_MF 0x2000     /* more fragments follow */
#define IP_OFFSET 0x1fff /* of the fragment */

#endif
