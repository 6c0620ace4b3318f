/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program's heap, for the sake of data races alone: memory that is given out anew has no past, and to
 * give memory back is to write to it. A program with an allocator of its own linked in does not come by here.
 *
 * With evidence it is also kept where each block was allocated, for reports.
 */
#include <malloc.h>
#include <stdlib.h>

#include "lockcheck/detect/race.h"
#include "lockcheck/runtime/interpose.h"

#define FREED_BYTES 1024u /* of a freed block that count as written: mostly its head is used on */

/* ---- where blocks are from ---- */

#define FIRST_SLOTS 1024u /* of the table; a power of two */

/* By address, with linear probing. What was freed stays, for those who still use it. */
static struct lc_heap_block **blocks;
static size_t slots, used;
static uint64_t allocations;

static struct lc_heap_block **slot_of(uintptr_t address)
{
    size_t i = lc_mix(address) & (slots - 1);
    while (blocks[i] && blocks[i]->address != address)
        i = (i + 1) & (slots - 1);
    return &blocks[i];
}

static void grow(void)
{
    struct lc_heap_block **old = blocks;
    size_t count = slots;
    slots = count ? 2 * count : FIRST_SLOTS;
    blocks = lc_allocate(slots * sizeof *blocks);
    for (size_t i = 0; i < count; i++)
        if (old[i])
            *slot_of(old[i]->address) = old[i];
}

static __attribute__((noinline)) void keep(uintptr_t address, size_t bytes)
{
    if (used >= slots / 2)
        grow();
    struct lc_heap_block **slot = slot_of(address), *block = *slot;
    if (!block) {
        block = *slot = lc_allocate(sizeof *block);
        used++;
    }
    block->address = address;
    block->bytes = bytes;
    block->number = ++allocations;
    block->thread = lc_self->id;
    block->frames = lc_backtrace(block->stack, LC_HEAP_FRAMES);
}

const struct lc_heap_block *lc_heap_block_at(uintptr_t address)
{
    const struct lc_heap_block *newest = NULL;
    for (size_t i = 0; i < slots; i++)
        if (blocks[i] && address - blocks[i]->address < blocks[i]->bytes &&
            (!newest || newest->number < blocks[i]->number))
            newest = blocks[i];
    return newest;
}

/* ---- the C library's functions ---- */

static inline bool watched(const void *block)
{
    return unlikely(lc_order_kept) && block && lc.active && lc.inside == 0;
}

static void *fresh(void *block, size_t bytes)
{
    if (!watched(block))
        return block;
    lc_race_forget((uintptr_t)block, malloc_usable_size(block));
    if (unlikely(lc.evidence))
        keep((uintptr_t)block, bytes);
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
    return fresh(LC_REAL(malloc)(bytes), bytes);
}

LC_EXPORT void *calloc(size_t count, size_t bytes)
{
    return fresh(LC_REAL(calloc)(count, bytes), count * bytes);
}

LC_EXPORT void *realloc(void *block, size_t bytes)
{
    given_back(block, __builtin_return_address(0));
    return fresh(LC_REAL(realloc)(block, bytes), bytes);
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
    return fresh(LC_REAL(aligned_alloc)(alignment, bytes), bytes);
}

LC_EXPORT void *memalign(size_t alignment, size_t bytes)
{
    return fresh(LC_REAL(memalign)(alignment, bytes), bytes);
}

LC_EXPORT int posix_memalign(void **block, size_t alignment, size_t bytes)
{
    int error = LC_REAL(posix_memalign)(block, alignment, bytes);
    if (!error)
        fresh(*block, bytes);
    return error;
}
