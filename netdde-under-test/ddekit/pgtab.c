/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page table: regions in an array, ordered by virtual address.
 */
#include <pthread.h>
#include <string.h>
#include <ddekit/assert.h>
#include <ddekit/memory.h>
#include <ddekit/pgtab.h>

#define REGIONS_MAX 4096u /* reaching it is a failed assertion: something is not given back */

struct region {
    uintptr_t virtual;
    ddekit_addr_t physical;
    size_t size;
    int type;
};

/* One address space, so one table. */
static pthread_mutex_t pgtab_lock = PTHREAD_MUTEX_INITIALIZER;
static struct region regions[REGIONS_MAX]; /* pgtab_lock */
static size_t region_count;                /* pgtab_lock */

void ddekit_pgtab_init(void)
{
    /* The empty table is there from the beginning. */
}

/* pgtab_lock is held. The number of regions that begin at or before the address. */
static size_t count_up_to(uintptr_t virtual)
{
    size_t low = 0, high = region_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (regions[middle].virtual <= virtual)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The region around an address; one of size 0 and type PTE_TYPE_OTHER when there is none. */
static struct region lookup(const void *virtual)
{
    uintptr_t address = (uintptr_t) virtual;
    struct region found = {.type = PTE_TYPE_OTHER};
    size_t count;

    pthread_mutex_lock(&pgtab_lock);
    count = count_up_to(address);
    if (count && address - regions[count - 1].virtual < regions[count - 1].size)
        found = regions[count - 1];
    pthread_mutex_unlock(&pgtab_lock);
    return found;
}

void ddekit_pgtab_set_region_with_size(void *virtual, ddekit_addr_t physical, int size, int type)
{
    struct region region = {(uintptr_t) virtual, physical, (size_t)size, type};
    size_t place;

    ddekit_assert(size > 0);
    pthread_mutex_lock(&pgtab_lock);
    ddekit_assert(region_count < REGIONS_MAX);
    place = count_up_to(region.virtual);
    ddekit_assert(place == 0 || regions[place - 1].virtual + regions[place - 1].size <= region.virtual);
    ddekit_assert(place == region_count || region.virtual + region.size <= regions[place].virtual);
    memmove(&regions[place + 1], &regions[place], (region_count - place) * sizeof region);
    regions[place] = region;
    region_count++;
    pthread_mutex_unlock(&pgtab_lock);
}

void ddekit_pgtab_set_region(void *virtual, ddekit_addr_t physical, int pages, int type)
{
    ddekit_pgtab_set_region_with_size(virtual, physical, pages * (int)DDEKIT_PAGE_SIZE, type);
}

void ddekit_pgtab_clear_region(void *virtual, int type)
{
    size_t count;

    pthread_mutex_lock(&pgtab_lock);
    count = count_up_to((uintptr_t) virtual);
    ddekit_assert(count && regions[count - 1].virtual == (uintptr_t) virtual &&
                  regions[count - 1].type == type);
    memmove(&regions[count - 1], &regions[count], (region_count - count) * sizeof *regions);
    region_count--;
    pthread_mutex_unlock(&pgtab_lock);
}

ddekit_addr_t ddekit_pgtab_get_physaddr(const void *virtual)
{
    struct region region = lookup(virtual);

    return region.size ? region.physical + ((uintptr_t) virtual - region.virtual) : 0;
}

ddekit_addr_t ddekit_pgtab_get_virtaddr(ddekit_addr_t physical)
{
    ddekit_addr_t virtual = 0;

    pthread_mutex_lock(&pgtab_lock);
    for (size_t i = 0; i < region_count && !virtual; i++) {
        if (physical >= regions[i].physical && physical - regions[i].physical < regions[i].size)
            virtual = regions[i].virtual + (physical - regions[i].physical);
    }
    pthread_mutex_unlock(&pgtab_lock);
    return virtual;
}

int ddekit_pgtab_get_type(const void *virtual)
{
    return lookup(virtual).type;
}

int ddekit_pgtab_get_size(const void *virtual)
{
    return (int)lookup(virtual).size;
}
