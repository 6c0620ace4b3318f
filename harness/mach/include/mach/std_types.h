/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The basic types of the Mach interfaces, with the widths GNU Mach gives them on x86_64.
 */
#ifndef HARNESS_MACH_STD_TYPES_H
#define HARNESS_MACH_STD_TYPES_H

#include <stddef.h>
#include <stdint.h>

typedef unsigned int natural_t;
typedef int integer_t;
typedef int boolean_t;

#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

typedef uintptr_t vm_offset_t;
typedef uintptr_t vm_address_t;
typedef uintptr_t vm_size_t;

#endif
