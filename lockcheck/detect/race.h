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

/* An access: its time 32 bits, thread 12, bytes touched 8, the upper part of its place 10, and what it was 2.
 * 0: none. */
#define LC_ACCESS_WRITE 1u
#define LC_ACCESS_ATOMIC 2u
#define LC_ACCESS_PLACE_SHIFT 2u
#define LC_ACCESS_MASK_SHIFT 12u
#define LC_ACCESS_THREAD_SHIFT 20u
#define LC_ACCESS_TIME_SHIFT 32u

#define LC_GRANULE_SHIFT 3u
#define LC_ADDRESS_BITS 47u
#define LC_BLOCK_SHIFT 22u /* of the program's memory that a block shadows: 4 MiB */
#define LC_BLOCK_GRANULES (1u << (LC_BLOCK_SHIFT - LC_GRANULE_SHIFT))
#define LC_INLINE_ACCESSES 3u

/* What is kept of 8 bytes. Half a line of the cache: that it has to be fetched is most of what it costs. */
struct lc_granule {
    uint64_t access[LC_INLINE_ACCESSES]; /* newest first, then 0 */
    uint64_t places;                     /* the lower parts of their places, and LC_GRANULE_MORE */
};
#define LC_GRANULE_MORE (1ull << 63) /* access[1] is where a list of all but the newest begins */

struct lc_block {
    struct lc_granule granule[LC_BLOCK_GRANULES];
};
extern struct lc_block **lc_blocks;

/* Of the thread that ran last: its time as in an access, and its clock. self: NULL unless the quick way may
 * be taken by that thread. */
struct lc_race_now {
    const struct lc_thread *self;
    uint64_t epoch;
    const uint32_t *times;
    uint32_t count;
};
extern struct lc_race_now lc_race_now;

static inline struct lc_granule *lc_granule_in(struct lc_block *block, uintptr_t address)
{
    return &block->granule[address >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1)];
}

/* As lc_race_access(), to bytes of one granule only. what: their mask, and LC_ACCESS_WRITE. */
void lc_race_access_within(uintptr_t address, uint64_t what, const void *pc);
/* The same, on the quick way. */
void lc_race_access_to(struct lc_granule *granule, uint64_t what, const void *pc, uintptr_t address);

/* As lc_race_access(), to 1 to 16 bytes and not atomic. Mostly it need not be looked at: the thread has made
 * one in this time that stands for it. */
static inline __attribute__((always_inline)) void lc_race_plain_access(uintptr_t address, size_t bytes,
                                                                       bool write, const void *pc)
{
    uint64_t mask = ((1ull << bytes) - 1) << (address & 7u);
    uint64_t what = mask << LC_ACCESS_MASK_SHIFT | (write ? LC_ACCESS_WRITE : 0);
    if (unlikely(mask >> 8)) {
        lc_race_access(address, bytes, write, false, pc);
        return;
    }
    struct lc_block *block;
    if (unlikely(lc_race_now.self != lc_self || address >> LC_ADDRESS_BITS) ||
        unlikely(!(block = lc_blocks[address >> LC_BLOCK_SHIFT]))) {
        lc_race_access_within(address, what, pc);
        return;
    }
    struct lc_granule *granule = lc_granule_in(block, address);
    uint64_t newest = granule->access[0] ^ lc_race_now.epoch;
    if (newest >> LC_ACCESS_THREAD_SHIFT != 0 || (newest & LC_ACCESS_ATOMIC) || (what & ~newest))
        lc_race_access_to(granule, what, pc, address);
}

#pragma GCC visibility pop
#endif
