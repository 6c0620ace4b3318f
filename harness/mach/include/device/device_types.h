/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Types and codes of the Mach device interface, after the GNU Mach Reference Manual, "Device Interface".
 */
#ifndef HARNESS_DEVICE_TYPES_H
#define HARNESS_DEVICE_TYPES_H

#include <mach/message.h>

typedef mach_port_t device_t;
typedef unsigned int dev_mode_t;
#define D_READ 0x1
#define D_WRITE 0x2
#define D_NODELAY 0x4
#define D_NOWAIT 0x8

#define DEVICE_NAME_MAX 128
typedef char dev_name_t[DEVICE_NAME_MAX];

typedef unsigned int recnum_t;
typedef char *io_buf_ptr_t;
#define IO_INBAND_MAX 128
typedef char io_buf_ptr_inband_t[IO_INBAND_MAX];

typedef unsigned int dev_flavor_t;
typedef int *dev_status_t;
#define DEV_STATUS_MAX 1024 /* integers */

typedef int io_return_t;
#define D_IO_QUEUED -1 /* server: the answer comes later */
#define D_SUCCESS 0
#define D_IO_ERROR 2500
#define D_WOULD_BLOCK 2501
#define D_NO_SUCH_DEVICE 2502
#define D_ALREADY_OPEN 2503
#define D_DEVICE_DOWN 2504
#define D_INVALID_OPERATION 2505
#define D_INVALID_RECNUM 2506
#define D_INVALID_SIZE 2507
#define D_NO_MEMORY 2508
#define D_READ_ONLY 2509

#endif
