/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel memory, see <linux/slab.h>. */
#include <limits.h>
#include <malloc.h>

#include <ddekit/memory.h>

#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "netdde-under-test/dde_linux/internal.h"

void *kmalloc(size_t size, gfp_t flags)
{
    void *memory;

    might_sleep_if(gfpflags_allow_blocking(flags));
    memory = size <= UINT_MAX ? ddekit_simple_malloc((unsigned)size) : NULL;
    if (memory && (flags & __GFP_ZERO))
        memset(memory, 0, size);
    kmemleak_alloc(memory, size);
    return memory;
}

void kfree(const void *memory)
{
    kmemleak_free(memory);
    dma_check_freed(memory, malloc_usable_size((void *)(uintptr_t)memory));
    ddekit_simple_free((void *)(uintptr_t)memory);
}

char *kstrdup(const char *text, gfp_t flags)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size, flags);

    return copy ? memcpy(copy, text, size) : NULL;
}
