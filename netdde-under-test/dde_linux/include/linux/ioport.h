/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/ioport.h>: a range of ports or device memory. Conflicts are not looked for. */
#ifndef DDE_LINUX_IOPORT_H
#define DDE_LINUX_IOPORT_H

#include <linux/types.h>

struct resource {
    resource_size_t start;
    resource_size_t end; /* the last byte */
    const char *name;
    unsigned long flags;
};

#define IORESOURCE_IO 0x00000100
#define IORESOURCE_MEM 0x00000200
#define IORESOURCE_PREFETCH 0x00002000
#define IORESOURCE_MEM_64 0x00100000

/* All ports. */
extern struct resource ioport_resource;

/* Take n ports. Returns a resource that they lie in; NULL when there are no such ports. */
struct resource *request_region(resource_size_t start, resource_size_t n, const char *name);
void release_region(resource_size_t start, resource_size_t n);

static inline resource_size_t resource_size(const struct resource *res)
{
    return res->end - res->start + 1;
}

#endif
