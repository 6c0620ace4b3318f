/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's names for byte order conversion, over those of the system's <asm/byteorder.h>. */
#ifndef DDE_LINUX_ASM_BYTEORDER_H
#define DDE_LINUX_ASM_BYTEORDER_H

#include_next <asm/byteorder.h>

#define cpu_to_le16(x) __cpu_to_le16(x)
#define cpu_to_le32(x) __cpu_to_le32(x)
#define cpu_to_le64(x) __cpu_to_le64(x)
#define le16_to_cpu(x) __le16_to_cpu(x)
#define le32_to_cpu(x) __le32_to_cpu(x)
#define le64_to_cpu(x) __le64_to_cpu(x)
#define cpu_to_be16(x) __cpu_to_be16(x)
#define cpu_to_be32(x) __cpu_to_be32(x)
#define cpu_to_be64(x) __cpu_to_be64(x)
#define be16_to_cpu(x) __be16_to_cpu(x)
#define be32_to_cpu(x) __be32_to_cpu(x)
#define be64_to_cpu(x) __be64_to_cpu(x)

#define swab16(x) __swab16(x)

/* In place. */
#define le16_to_cpus(p) ((void)(*(p) = __le16_to_cpu(*(p))))
#define cpu_to_le16s(p) ((void)(*(p) = __cpu_to_le16(*(p))))

/* The C library has these as functions and cannot be given the macros first. */
#include <netinet/in.h>
#undef htons
#undef ntohs
#undef htonl
#undef ntohl
#define htons(x) __cpu_to_be16(x)
#define ntohs(x) __be16_to_cpu(x)
#define htonl(x) __cpu_to_be32(x)
#define ntohl(x) __be32_to_cpu(x)

#endif
