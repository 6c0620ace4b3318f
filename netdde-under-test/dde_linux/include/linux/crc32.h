/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/crc32.h>: the CRC of IEEE 802.3, polynomial 0x04c11db7. */
#ifndef DDE_LINUX_CRC32_H
#define DDE_LINUX_CRC32_H

#include <linux/types.h>

/* Least significant bit first; crc is the value so far. */
u32 crc32_le(u32 crc, const unsigned char *p, size_t len);
u32 bitrev32(u32 x);

/* What multicast hash filters use. */
#define ether_crc_le(length, data) crc32_le(~0u, (data), (length))
#define ether_crc(length, data) bitrev32(crc32_le(~0u, (data), (length)))

#endif
