/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <uapi/linux/tcp.h>: the system's own header. */
#include <linux/tcp.h>
