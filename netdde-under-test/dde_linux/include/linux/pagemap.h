/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/pagemap.h>: for the headers that drivers expect of it. There is no page cache. */
#ifndef DDE_LINUX_PAGEMAP_H
#define DDE_LINUX_PAGEMAP_H

#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#endif
