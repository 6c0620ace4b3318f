/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's small library: strings, CRCs, numbers in use, numbers at random, the time. See
 * <linux/string.h>, <linux/crc32.h>, <linux/idr.h>, <linux/random.h> and <linux/ktime.h>.
 */
#include <linux/bug.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/idr.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/string.h>

#include "harness/machine/machine.h"

#define CRC32_POLYNOMIAL_LE 0xedb88320u /* 0x04c11db7, bits reversed */

ktime_t ktime_get(void)
{
    return (ktime_t)machine_now_ns();
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
    size_t length;

    if (size == 0)
        return -E2BIG;
    length = strnlen(src, size);
    if (length == size) {
        memcpy(dst, src, size - 1);
        dst[size - 1] = '\0';
        return -E2BIG;
    }
    memcpy(dst, src, length + 1);
    return (ssize_t)length;
}

bool sysfs_streq(const char *a, const char *b)
{
    size_t length_a = strcspn(a, "\n"), length_b = strcspn(b, "\n");

    return length_a == length_b && memcmp(a, b, length_a) == 0;
}

u32 crc32_le(u32 crc, const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? CRC32_POLYNOMIAL_LE : 0);
    }
    return crc;
}

u32 bitrev32(u32 x)
{
    u32 reversed = 0;

    for (int bit = 0; bit < 32; bit++, x >>= 1)
        reversed = (reversed << 1) | (x & 1);
    return reversed;
}

int ida_alloc(struct ida *ida, gfp_t gfp __always_unused)
{
    for (int id = 0; id < IDA_NUMBERS; id++) {
        if (!test_and_set_bit(id, ida->used))
            return id;
    }
    return -ENOSPC;
}

void ida_free(struct ida *ida, unsigned int id)
{
    WARN_ON(id >= IDA_NUMBERS || !test_and_clear_bit(id, ida->used));
}

/* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), from a fixed seed. */
void get_random_bytes(void *to, size_t count)
{
    static u64 state; /* changed only atomically */
    u8 *bytes = to;

    for (size_t i = 0; i < count; i++) {
        u64 word = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15u, __ATOMIC_SEQ_CST);

        word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
        word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
        bytes[i] = (u8)(word >> 32);
    }
}
