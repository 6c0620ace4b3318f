/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/stringify.h>: the text of an argument after its macros. */
#ifndef DDE_LINUX_STRINGIFY_H
#define DDE_LINUX_STRINGIFY_H

#define __stringify_1(x...) #x
#define __stringify(x...) __stringify_1(x)

#endif
