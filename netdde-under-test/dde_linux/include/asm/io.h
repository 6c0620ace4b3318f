/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <asm/io.h>. */
#include <linux/io.h>
