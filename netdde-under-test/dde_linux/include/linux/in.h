/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/in.h>: the system's header. */
#include_next <linux/in.h>
