/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/build_bug.h>: a part of <linux/bug.h> here. */
#include <linux/bug.h>
