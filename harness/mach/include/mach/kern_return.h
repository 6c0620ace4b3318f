/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Return codes of Mach kernel calls, after the GNU Mach Reference Manual. Only codes that some call in this
 * tree returns are here. Message calls have codes of their own: <mach/message.h>.
 */
#ifndef HARNESS_MACH_KERN_RETURN_H
#define HARNESS_MACH_KERN_RETURN_H

typedef int kern_return_t;

#define KERN_SUCCESS 0
#define KERN_INVALID_ADDRESS 1
#define KERN_NO_SPACE 3
#define KERN_INVALID_ARGUMENT 4
#define KERN_FAILURE 5
#define KERN_RESOURCE_SHORTAGE 6
#define KERN_NAME_EXISTS 13
#define KERN_INVALID_NAME 15   /* the name denotes nothing */
#define KERN_INVALID_TASK 16   /* not mach_task_self(): there is one task */
#define KERN_INVALID_RIGHT 17  /* the name denotes another right than the call wants */
#define KERN_INVALID_VALUE 18  /* an argument is out of its range */
#define KERN_UREFS_OVERFLOW 19 /* too many references */

#endif
