/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/highmem.h>: every page has an address, so there is nothing to map. */
#ifndef DDE_LINUX_HIGHMEM_H
#define DDE_LINUX_HIGHMEM_H

#include <linux/mm.h>

#define kmap_atomic(page) page_address(page)
#define kunmap_atomic(address) ((void)(address))
#define kmap_local_page(page) page_address(page)
#define kunmap_local(address) ((void)(address))

#endif
