/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <asm/barrier.h>. */
#include <linux/compiler.h>
