/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <net/route.h>: there are no routes; drivers include it for what it includes. */
#include <net/ip.h>
