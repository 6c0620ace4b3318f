/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runtime's own memory: one reserved range that is only ever extended, so that nothing here disturbs the
 * program's heap, and a program that replaces malloc() can be controlled too.
 */
#include <string.h>
#include <sys/mman.h>

#include "lockcheck/runtime/runtime.h"

#define RESERVED (16ull << 30) /* address space, not memory: pages are taken at first use */
#define ALIGNMENT 64u

LC_WRITTEN static char *next;
static char *limit;

uintptr_t lc_memory_end(void)
{
    return (uintptr_t)next;
}

uintptr_t lc_memory_limit(void)
{
    return (uintptr_t)limit;
}

void *lc_allocate(size_t bytes)
{
    if (!next) {
        void *range =
            mmap(NULL, RESERVED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (range == MAP_FAILED)
            lc_internal("cannot reserve %u GiB of address space for the runtime; ulimit -v must allow that",
                        (unsigned)(RESERVED >> 30));
        next = range;
        limit = next + RESERVED;
    }
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes > (size_t)(limit - next))
        lc_internal("the runtime has used up its %llu GiB of memory", RESERVED >> 30);
    void *result = next;
    next += bytes;
    return result;
}
