/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program's heap, for the sake of data races alone: memory that is given out anew has no past, and to
 * give memory back is to write to it. A program with an allocator of its own linked in does not come by here.
 */
#include <malloc.h>
#include <stdlib.h>

#include "lockcheck/detect/race.h"
#include "lockcheck/runtime/interpose.h"

#define FREED_BYTES                                                                                          \
    1024u /* of a freed block that count as written: who still uses it mostly uses its head                  \
           */

static inline bool watched(const void *block)
{
    return unlikely(lc_order_kept) && block && lc.active && lc.inside == 0;
}

static void *fresh(void *block)
{
    if (watched(block))
        lc_race_forget((uintptr_t)block, malloc_usable_size(block));
    return block;
}

static void given_back(void *block, const void *pc)
{
    if (!watched(block) || lc_thread_count() < 2)
        return;
    size_t bytes = malloc_usable_size(block);
    lc_race_access((uintptr_t)block, bytes < FREED_BYTES ? bytes : FREED_BYTES, true, false, pc);
}

LC_EXPORT void *malloc(size_t bytes)
{
    return fresh(LC_REAL(malloc)(bytes));
}

LC_EXPORT void *calloc(size_t count, size_t bytes)
{
    return fresh(LC_REAL(calloc)(count, bytes));
}

LC_EXPORT void *realloc(void *block, size_t bytes)
{
    given_back(block, __builtin_return_address(0));
    return fresh(LC_REAL(realloc)(block, bytes));
}

LC_EXPORT void free(void *block)
{
    static void (*real)(void *);
    static bool looking;
    if (unlikely(!real)) {
        if (looking)
            return; /* dlsym() gives the message of an earlier error back: it is left, once */
        looking = true;
        real = (void (*)(void *))lc_next("free");
    }
    given_back(block, __builtin_return_address(0));
    real(block);
}

LC_EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return fresh(LC_REAL(aligned_alloc)(alignment, bytes));
}

LC_EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return fresh(LC_REAL(memalign)(alignment, bytes));
}

LC_EXPORT int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    int error = LC_REAL(posix_memalign)(block, alignment, bytes);
    if (!error)
        fresh(*block);
    return error;
}
