/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/slab.h>, over ddekit_simple_malloc. Slab caches are left out until a driver has one. */
#ifndef DDE_LINUX_SLAB_H
#define DDE_LINUX_SLAB_H

#include <linux/gfp.h>
#include <linux/string.h>
#include <linux/types.h>

void *kmalloc(size_t size, gfp_t flags);
void kfree(const void *memory);
char *kstrdup(const char *text, gfp_t flags);

static inline void *kzalloc(size_t size, gfp_t flags)
{
    return kmalloc(size, flags | __GFP_ZERO);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t flags)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes))
        return NULL;
    return kmalloc(bytes, flags);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t flags)
{
    return kmalloc_array(n, size, flags | __GFP_ZERO);
}

static inline void *kmemdup(const void *memory, size_t size, gfp_t flags)
{
    void *copy = kmalloc(size, flags);

    return copy ? memcpy(copy, memory, size) : NULL;
}

#define kvzalloc(size, flags) kzalloc(size, flags)
#define kvfree(memory) kfree(memory)

#endif
