/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything of Mach that a program includes at once.
 */
#ifndef HARNESS_MACH_H
#define HARNESS_MACH_H

#include <mach/kern_return.h>
#include <mach/mach_interface.h>
#include <mach/message.h>
#include <mach/mig_errors.h>
#include <mach/notify.h>
#include <mach/port.h>
#include <mach/std_types.h>

#endif
