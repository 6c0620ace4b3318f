/* SPDX-License-Identifier: GPL-2.0-or-later */
/* data-race: what memory_access.c, heap.c and thread.c tell the detector in race.c. */
#ifndef LOCKCHECK_DETECT_RACE_H
#define LOCKCHECK_DETECT_RACE_H

#include "lockcheck/detect/order.h"

#pragma GCC visibility push(hidden)

void lc_race_init(void);
/* The running thread accesses these bytes, at least one, from the instruction before pc. */
void lc_race_access(uintptr_t address, size_t bytes, bool write, bool atomic, const void *pc);
/* The order between threads that an atomic operation makes, by its __ATOMIC_* order: before the access of
 * what loads, and after the access of what stores. exchanges: it has loaded too. */
void lc_race_load(uintptr_t address, int order);
void lc_race_store(uintptr_t address, int order, bool exchanges);
void lc_race_fence(int order);
/* The atomic accesses at this place in the program are a device's. */
void lc_race_device_at(const void *pc);
/* The bytes are fresh memory: what was there before is forgotten. */
void lc_race_forget(uintptr_t address, size_t bytes);

/* ---- inside: for the quick way only ---- */

/* When and where an access was made: its time 32 bits, thread 12, site 20. 0: none. */
#define LC_ACCESS_TIME_SHIFT 32u
#define LC_ACCESS_THREAD_SHIFT 20u
#define LC_SITES (1u << LC_ACCESS_THREAD_SHIFT)

#define LC_CELL_SHIFT 2u
#define LC_GRANULE_SHIFT 3u
#define LC_ADDRESS_BITS 47u
#define LC_BLOCK_SHIFT 22u /* of the program's memory that a block shadows: 4 MiB */
#define LC_BLOCK_CELLS (1u << (LC_BLOCK_SHIFT - LC_CELL_SHIFT))
#define LC_BLOCK_GRANULES (LC_BLOCK_CELLS / 2)

/* Of 4 bytes: the last plain write, and the last plain read if that is later. */
struct lc_cell {
    uint64_t write, read;
};

/* What is kept of 8 bytes, in half a line of the cache: to fetch it is much of what an access costs. Where
 * two cells do not tell all, race.c keeps the rest elsewhere. */
struct lc_granule {
    struct lc_cell half[2];
};

struct lc_block {
    union {
        struct lc_granule granule[LC_BLOCK_GRANULES];
        struct lc_cell cell[LC_BLOCK_CELLS];
    };
};
extern struct lc_block **lc_blocks;

/* Of the thread that made the last access: its time, as in an access, and of each thread the last possible
 * access that happened before. self: NULL unless the quick way may be taken by that thread. */
struct lc_race_now {
    const struct lc_thread *self;
    uint64_t epoch;
    uint32_t count; /* threads from here on are at 0 */
    uint64_t last[LC_MAX_THREADS];
};
extern struct lc_race_now lc_race_now;

/* Where in the program accesses are made from: a table by the address, in which a site is its index. */
extern const void **lc_sites;

static inline uint64_t lc_race_first_site(const void *pc)
{
    return (uintptr_t)pc & (LC_SITES - 1);
}

/* Is it the running thread's, of now? */
static inline bool lc_race_is_now(uint64_t access)
{
    return (access ^ lc_race_now.epoch) >> LC_ACCESS_THREAD_SHIFT == 0;
}

/* Did it, or none, happen before what the running thread does now? */
static inline bool lc_race_ordered(uint64_t access)
{
    return access <= lc_race_now.last[(uint32_t)access >> LC_ACCESS_THREAD_SHIFT];
}

/* Has the running thread made an access in this time that stands for a new one? */
static inline bool lc_race_is_known(const struct lc_cell *cell, bool write)
{
    return lc_race_is_now(cell->write) || (!write && lc_race_is_now(cell->read));
}

/* Did all happen before? Then a new access can take their place. */
static inline bool lc_race_is_past(const struct lc_cell *cell)
{
    return lc_race_ordered(cell->write) && lc_race_ordered(cell->read);
}

static inline void lc_race_put(struct lc_cell *cell, bool write, uint64_t access)
{
    if (write) {
        cell->write = access;
        cell->read = 0;
    } else {
        cell->read = access;
    }
}

/* bytes: 1, 2, 4 or 8. */
static inline __attribute__((always_inline)) bool lc_race_quick_access_of(uintptr_t address, size_t bytes,
                                                                          bool write, const void *pc)
{
    unsigned shift = bytes == 8 ? LC_GRANULE_SHIFT : LC_CELL_SHIFT;
    if (bytes < 4 && likely(!(address & (bytes - 1))))
        address &= ~(uintptr_t)3;
    /* Rotated: one comparison for the bits above an address and those below the alignment. */
    uintptr_t unit = address >> shift | address << (64 - shift);
    struct lc_block *block;
    if (unlikely(unit >> (LC_ADDRESS_BITS - shift)) ||
        unlikely(!(block = lc_blocks[unit >> (LC_BLOCK_SHIFT - shift)])))
        return false;
    struct lc_cell *cell = &block->cell[(bytes == 8 ? unit << 1 : unit) & (LC_BLOCK_CELLS - 1)];
    if (bytes == 8 && unlikely(cell[1].write != cell->write || cell[1].read != cell->read))
        return false;
    if (lc_race_is_known(cell, write))
        return true;
    uint64_t site = lc_race_first_site(pc);
    if (bytes < 4 || unlikely(lc_sites[site] != pc || !lc_race_is_past(cell)))
        return false;
    lc_race_put(&cell[0], write, lc_race_now.epoch | site);
    if (bytes == 8)
        lc_race_put(&cell[1], write, lc_race_now.epoch | site);
    return true;
}

/* As lc_race_access(), not atomic, where the following returns false. */
void lc_race_slow_access(uintptr_t address, size_t bytes, bool write, const void *pc);

/* As lc_race_access(), not atomic and by the thread that lc_race_now is of. Returns false when it is to be
 * done by the former, as are those that race with something. */
static inline __attribute__((always_inline)) bool lc_race_quick_access(uintptr_t address, size_t bytes,
                                                                       bool write, const void *pc)
{
    if (bytes == 16)
        return lc_race_quick_access_of(address, 8, write, pc) &&
               lc_race_quick_access_of(address + 8, 8, write, pc);
    return (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8) &&
           lc_race_quick_access_of(address, bytes, write, pc);
}

#pragma GCC visibility pop
#endif
