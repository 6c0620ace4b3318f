/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DDEKit: the integer types of its interface.
 */
#ifndef DDEKIT_TYPES_H
#define DDEKIT_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef int8_t ddekit_int8_t;
typedef int16_t ddekit_int16_t;
typedef int32_t ddekit_int32_t;
typedef int64_t ddekit_int64_t;
typedef uint8_t ddekit_uint8_t;
typedef uint16_t ddekit_uint16_t;
typedef uint32_t ddekit_uint32_t;
typedef uint64_t ddekit_uint64_t;

/* A physical (bus) address, an I/O port number, or a virtual address as a number. */
typedef uintptr_t ddekit_addr_t;

#endif
