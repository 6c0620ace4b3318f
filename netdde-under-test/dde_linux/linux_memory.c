/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel memory, see <linux/slab.h>. */
#include <limits.h>
#include <malloc.h>

#include <ddekit/memory.h>

#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "harness/machine/noted.h"
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

/* --- What is freed while it is pending ------------------------------------------------------------------ */

/* What has become pending. It need not be so any more. So kfree takes locks only for memory that has had
 * something pending in it. */
static struct noted pending;

void note_pending(const void *entry)
{
    noted_add(&pending, entry);
}

/* Returns whether there were any of this memory. */
static bool forget_pending(const void *memory, size_t size)
{
    const void *entry;
    bool any = false;

    while ((entry = noted_in(&pending, memory, size)) != NULL) {
        noted_remove(&pending, entry);
        any = true;
    }
    return any;
}

void check_idle(const void *memory, size_t size, const char *name, bool also_running)
{
    forget_pending(memory, size); /* once is enough */
    WARN(timer_lies_in(memory, size, also_running), "%s is freed while a timer in it is pending", name);
    WARN(hrtimer_lies_in && hrtimer_lies_in(memory, size, also_running),
         "%s is freed while an hrtimer in it is pending or runs", name);
    WARN(work_lies_in(memory, size, also_running), "%s is freed while work in it is pending or runs", name);
}

void kfree(const void *memory)
{
    size_t size = malloc_usable_size((void *)(uintptr_t)memory);

    kmemleak_free(memory);
    dma_check_freed(memory, size);
    /* Who runs may have told so and not look at its memory again. */
    if (forget_pending(memory, size))
        check_idle(memory, size, "memory", false);
    ddekit_simple_free((void *)(uintptr_t)memory);
}

char *kstrdup(const char *text, gfp_t flags)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size, flags);

    return copy ? memcpy(copy, text, size) : NULL;
}
