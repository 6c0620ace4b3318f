/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/init.h>: what is needed of it is in <linux/module.h> and <linux/compiler.h>. */
#ifndef DDE_LINUX_INIT_H
#define DDE_LINUX_INIT_H

#include <linux/compiler.h>

#endif
