/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for return codes of Mach. */
#ifndef HARNESS_MACH_ERROR_H
#define HARNESS_MACH_ERROR_H

#include <mach/kern_return.h>

/* A constant text for a kern_return_t, mach_msg_return_t, io_return_t or MIG error; never NULL. */
const char *mach_error_string(int error);

#endif
