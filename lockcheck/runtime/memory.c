/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runtime's own memory. Most of it is one reserved range that is only ever extended, so that nothing here
 * disturbs the program's heap, and a program that replaces malloc() can be controlled too.
 *
 * Which memory is the runtime's is known from here: its static memory, all that it maps for itself, and what
 * the library has that unwinds its stacks.
 */
#include <string.h>
#include <sys/mman.h>

#include "lockcheck/runtime/runtime.h"

#define RESERVED (16ull << 30) /* address space, not memory: pages are taken at first use */
#define ALIGNMENT 64u
#define PAGE ((uintptr_t)4096)

LC_WRITTEN static char *next;
static char *limit;

/* ---- whose it is ---- */

/* In whole pages. One beside another becomes one with it. Where there is no room left, memory of the
 * runtime's is taken for the program's, which then never comes back to a state (state.c). */
#define AREAS 256u
static struct {
    uintptr_t start, end;
} areas[AREAS];
static uint32_t area_count;

void lc_memory_add(uintptr_t first, size_t bytes)
{
    uintptr_t start = first & -PAGE, end = (first + bytes + PAGE - 1) & -PAGE;
    uint32_t i = 0;
    while (i < area_count && areas[i].start != end && areas[i].end != start)
        i++;
    if (i == area_count && i < AREAS) {
        area_count++;
        areas[i].start = start;
        areas[i].end = end;
    } else if (i < AREAS) {
        areas[i].start = areas[i].start == end ? start : areas[i].start;
        areas[i].end = areas[i].end == start ? end : areas[i].end;
    }
}

bool lc_is_runtimes(uintptr_t address, uintptr_t *until)
{
    uintptr_t next_start = UINTPTR_MAX;
    for (uint32_t i = 0; i < area_count; i++) {
        if (areas[i].start <= address && address < areas[i].end) {
            *until = areas[i].end;
            return true;
        }
        if (areas[i].start > address && areas[i].start < next_start)
            next_start = areas[i].start;
    }
    *until = next_start;
    return false;
}

/* ---- mappings ---- */

/* Neither of these two changes the program's state, and so they are not noticed; but rewinding does not undo
 * them. */

void *lc_map(size_t bytes)
{
    uint8_t quiet = lc_quiet_pause();
    void *range =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    lc_rewind_noise();
    lc_quiet_resume(quiet);
    if (range == MAP_FAILED)
        return NULL;
    lc_memory_add((uintptr_t)range, bytes);
    return range;
}

void lc_unmap_pages(void *start, size_t bytes)
{
    uint8_t quiet = lc_quiet_pause();
    madvise(start, bytes, MADV_DONTNEED);
    lc_rewind_noise();
    lc_quiet_resume(quiet);
}

/* ---- allocation ---- */

uintptr_t lc_memory_end(void)
{
    return (uintptr_t)next;
}

uintptr_t lc_memory_limit(void)
{
    return (uintptr_t)limit;
}

static void reserve(void)
{
    extern const char __ehdr_start[]
        __attribute__((visibility("hidden"))); /* of this library, by the linker */
    extern const char _end[] __attribute__((visibility("hidden")));
    lc_memory_add((uintptr_t)__ehdr_start, (size_t)(_end - __ehdr_start));
    next = lc_map(RESERVED);
    if (!next)
        lc_internal("cannot reserve %u GiB of address space for the runtime; ulimit -v must allow that",
                    (unsigned)(RESERVED >> 30));
    limit = next + RESERVED;
}

void *lc_allocate(size_t bytes)
{
    if (!next)
        reserve();
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (bytes > (size_t)(limit - next))
        lc_internal("the runtime has used up its %llu GiB of memory", RESERVED >> 30);
    void *result = next;
    next += bytes;
    return result;
}
