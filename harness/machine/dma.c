/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Physical memory. See dma.h. It is one reserved range; pages are given out first fit.
 */
#include "harness/machine/dma.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#define PHYSICAL_PAGES (DMA_PHYSICAL_BYTES / DMA_PAGE_BYTES)

_Static_assert(DMA_PHYSICAL_BASE + (uint64_t)DMA_PHYSICAL_BYTES <= IOMMU_BUS_BASE, "address spaces overlap");

/* The machine's memory: there is one machine. */
static struct {
    pthread_mutex_t lock;
    unsigned char *_Atomic base;   /* NULL until the first allocation; never changes after */
    uint32_t runs[PHYSICAL_PAGES]; /* at the first page of an allocation: its pages; elsewhere 0 */
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t pages_of(uint64_t bytes)
{
    return bytes / DMA_PAGE_BYTES + (bytes % DMA_PAGE_BYTES != 0);
}

/* First fit. Called with the lock held. Returns the first page, or PHYSICAL_PAGES. */
static size_t find_pages(size_t pages, uint64_t low, uint64_t high, uint64_t align)
{
    size_t page = 0;
    while (page + pages <= PHYSICAL_PAGES) {
        uint64_t physical = DMA_PHYSICAL_BASE + (uint64_t)page * DMA_PAGE_BYTES;
        if (physical < low || physical % align != 0) {
            page += memory.runs[page] ? memory.runs[page] : 1;
            continue;
        }
        if (physical + (uint64_t)pages * DMA_PAGE_BYTES > high)
            return PHYSICAL_PAGES;
        size_t taken = page;
        while (taken < page + pages && memory.runs[taken] == 0)
            taken++;
        if (taken == page + pages)
            return page;
        page = taken + memory.runs[taken];
    }
    return PHYSICAL_PAGES;
}

void *dma_memory_allocate(size_t size, uint64_t low, uint64_t high, uint64_t align, uint64_t *physical)
{
    if (align == 0)
        align = DMA_PAGE_BYTES;
    assert(align >= DMA_PAGE_BYTES && (align & (align - 1)) == 0);
    uint64_t pages = pages_of(size);
    if (pages == 0 || pages > PHYSICAL_PAGES)
        return NULL;

    void *result = NULL;
    pthread_mutex_lock(&memory.lock);
    if (!memory.base) {
        void *base = mmap(NULL, DMA_PHYSICAL_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        memory.base = base == MAP_FAILED ? NULL : base;
    }
    size_t page = memory.base ? find_pages(pages, low, high, align) : PHYSICAL_PAGES;
    if (page < PHYSICAL_PAGES) {
        memory.runs[page] = (uint32_t)pages;
        result = memory.base + page * DMA_PAGE_BYTES;
        *physical = DMA_PHYSICAL_BASE + (uint64_t)page * DMA_PAGE_BYTES;
    }
    pthread_mutex_unlock(&memory.lock);
    if (result)
        memset(result, 0, pages * DMA_PAGE_BYTES);
    return result;
}

static bool offset_of(const void *address, uint64_t *offset)
{
    uintptr_t base = (uintptr_t)memory.base;
    *offset = (uintptr_t)address - base;
    return base != 0 && (uintptr_t)address >= base && *offset < DMA_PHYSICAL_BYTES;
}

void dma_memory_free(void *address, size_t size)
{
    uint64_t offset;
    bool inside = offset_of(address, &offset);
    assert(inside && offset % DMA_PAGE_BYTES == 0);
    (void)inside;
    size_t page = offset / DMA_PAGE_BYTES;
    pthread_mutex_lock(&memory.lock);
    assert(memory.runs[page] != 0 && memory.runs[page] == pages_of(size));
    memory.runs[page] = 0;
    pthread_mutex_unlock(&memory.lock);
    (void)size;
}

bool dma_memory_physical(const void *address, uint64_t *physical)
{
    uint64_t offset;
    if (!offset_of(address, &offset))
        return false;
    *physical = DMA_PHYSICAL_BASE + offset;
    return true;
}

void *dma_memory_virtual(uint64_t physical)
{
    unsigned char *base = memory.base;
    if (!base || physical < DMA_PHYSICAL_BASE || physical - DMA_PHYSICAL_BASE >= DMA_PHYSICAL_BYTES)
        return NULL;
    return base + (physical - DMA_PHYSICAL_BASE);
}
