/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/checksum.h>: sums of the Internet checksum (RFC 1071), in network byte order. */
#ifndef DDE_NET_CHECKSUM_H
#define DDE_NET_CHECKSUM_H

#include <linux/types.h>

/* The 32-bit sum, folded to 16 bits and complemented. */
static inline __sum16 csum_fold(__wsum sum)
{
    u32 value = (u32)sum;

    value = (value & 0xffff) + (value >> 16);
    value = (value & 0xffff) + (value >> 16);
    return (__sum16)~value;
}

/* Add the one's complement sum of a piece that begins at an even offset. */
__wsum csum_partial(const void *data, int length, __wsum sum);

/* The checksum field of a pseudo header (RFC 793, RFC 768): addresses in network byte order, len in bytes. */
__sum16 csum_tcpudp_magic(__be32 saddr, __be32 daddr, __u32 len, __u8 proto, __wsum sum);

#endif
