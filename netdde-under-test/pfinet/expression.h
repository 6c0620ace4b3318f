/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filters for device_set_filter() from expressions of libpcap, as pcap-filter(7) describes them.
 */
#ifndef NETDDE_PFINET_EXPRESSION_H
#define NETDDE_PFINET_EXPRESSION_H

#include <stddef.h>

#include <device/net_status.h>

/*
 * directions  NETF_IN, NETF_OUT or both
 *
 * Returns how many words the filter has, or 0 for no expression or one that takes more than NET_MAX_FILTER.
 */
size_t expression_compile(const char *expression, unsigned directions, filter_t words[NET_MAX_FILTER]);

#endif
