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

/* --- What is freed while it is pending ------------------------------------------------------------------ */

/* What has become pending, at an index by its line of memory; of several with one index the last. It need not
 * be pending any more. So kfree takes locks only for memory that has had something pending in it. */
#define NOTES 16384u
#define LINE_BYTES 64u
static const void *notes[NOTES]; /* atomically */

void note_pending(const void *entry)
{
    __atomic_store_n(&notes[(uintptr_t)entry / LINE_BYTES % NOTES], entry, __ATOMIC_RELAXED);
}

/* Returns whether there were any of this memory. */
static bool forget_notes(const void *memory, size_t size)
{
    uintptr_t first = (uintptr_t)memory / LINE_BYTES,
              end = ((uintptr_t)memory + size + LINE_BYTES - 1) / LINE_BYTES;
    bool any = false;

    for (uintptr_t line = first; line < end && line - first < NOTES; line++) {
        const void **note = &notes[line % NOTES];

        if (lies_in(__atomic_load_n(note, __ATOMIC_RELAXED), memory, size)) {
            __atomic_store_n(note, NULL, __ATOMIC_RELAXED);
            any = true;
        }
    }
    return any;
}

void check_idle(const void *memory, size_t size, const char *name, bool also_running)
{
    forget_notes(memory, size); /* once is enough */
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
    if (forget_notes(memory, size))
        check_idle(memory, size, "memory", false);
    ddekit_simple_free((void *)(uintptr_t)memory);
}

char *kstrdup(const char *text, gfp_t flags)
{
    size_t size = strlen(text) + 1;
    char *copy = kmalloc(size, flags);

    return copy ? memcpy(copy, text, size) : NULL;
}
