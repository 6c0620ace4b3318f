/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/compiler_types.h>. */
#include <linux/compiler.h>
