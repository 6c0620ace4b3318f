/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's small library: strings and CRCs. See <linux/string.h> and <linux/crc32.h>. */
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/string.h>

#define CRC32_POLYNOMIAL_LE 0xedb88320u /* 0x04c11db7, bits reversed */

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
