/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/stat.h>: the system's header. */
#include_next <linux/stat.h>
