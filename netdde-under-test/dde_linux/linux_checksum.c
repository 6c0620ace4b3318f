/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071) and pseudo headers, see <net/checksum.h> and <net/ip6_checksum.h>. */
#include <linux/kernel.h>
#include <net/checksum.h>
#include <net/ip6_checksum.h>

/* One's complement: what overflows comes in again at the other end. */
static u32 add(u32 sum, u32 value)
{
    sum += value;
    return sum + (sum < value);
}

__wsum csum_partial(const void *data, int length, __wsum sum)
{
    const u8 *bytes = data;
    u32 total = (u32)sum;
    int i;

    for (i = 0; i + 1 < length; i += 2) {
        u16 word;

        memcpy(&word, bytes + i, sizeof(word));
        total = add(total, word);
    }
    if (i < length)
        total = add(total, le16_to_cpu((u16)bytes[i]));
    return (__wsum)total;
}

__sum16 csum_tcpudp_magic(__be32 saddr, __be32 daddr, __u32 len, __u8 proto, __wsum sum)
{
    u32 total = (u32)sum;

    total = add(total, (u32)saddr);
    total = add(total, (u32)daddr);
    total = add(total, cpu_to_be32(len));
    total = add(total, cpu_to_be32((u32)proto));
    return csum_fold((__wsum)total);
}

__sum16 csum_ipv6_magic(const struct in6_addr *saddr, const struct in6_addr *daddr, __u32 len, __u8 proto,
                        __wsum sum)
{
    __wsum total = csum_partial(saddr, sizeof(*saddr), sum);

    total = csum_partial(daddr, sizeof(*daddr), total);
    return csum_tcpudp_magic(0, 0, len, proto, total);
}
