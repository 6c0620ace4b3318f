/* SPDX-License-Identifier: GPL-2.0-or-later */
/* data-race: what memory_access.c, heap.c and thread.c tell the detector in race.c. */
#ifndef LOCKCHECK_DETECT_RACE_H
#define LOCKCHECK_DETECT_RACE_H

#include "lockcheck/detect/order.h"

void lc_race_init(void);
/* The running thread accesses these bytes, at least one, from the instruction before pc. */
void lc_race_access(uintptr_t address, size_t bytes, bool write, bool atomic, const void *pc);
/* The order between threads that an atomic operation makes, by its __ATOMIC_* order: before the access of
 * what loads, and after the access of what stores. exchanges: it has loaded too. */
void lc_race_load(uintptr_t address, int order);
void lc_race_store(uintptr_t address, int order, bool exchanges);
void lc_race_fence(int order);
/* The bytes are fresh memory: what was there before is forgotten. */
void lc_race_forget(uintptr_t address, size_t bytes);

/* ---- inside: for the quick way only ---- */

/* An access: time 32, thread 12, bytes touched 8, and what it was. 0: none. */
#define LC_ACCESS_WRITE 1u
#define LC_ACCESS_ATOMIC 2u
#define LC_ACCESS_MASK_SHIFT 4u
#define LC_ACCESS_THREAD_SHIFT 12u
#define LC_ACCESS_TIME_SHIFT 32u

#define LC_GRANULE_SHIFT 3u
#define LC_ADDRESS_BITS 47u
#define LC_BLOCK_SHIFT 22u /* of the program's memory that a block shadows: 4 MiB */
#define LC_BLOCK_GRANULES (1u << (LC_BLOCK_SHIFT - LC_GRANULE_SHIFT))
#define LC_INLINE_ACCESSES 4u

/* What is kept of each granule, in two tables, since the first is mostly enough. */
struct lc_block {
    uint64_t access[LC_BLOCK_GRANULES][LC_INLINE_ACCESSES]; /* newest first, then 0 */
    struct lc_places *places;                               /* LC_BLOCK_GRANULES */
};
extern struct lc_block **lc_blocks;

/* The running thread and its time, as in an access, while lc_race_self is lc_self. */
extern uint64_t lc_race_epoch;
extern const struct lc_thread *lc_race_self;

/* Is the access one that need not be looked at: plain, and the thread has made one that stands for it in this
 * time? bytes: 1 to 16. */
static inline __attribute__((always_inline)) bool lc_race_is_known(uintptr_t address, size_t bytes,
                                                                   bool write)
{
    if (unlikely(lc_race_self != lc_self || address >> LC_ADDRESS_BITS))
        return false;
    const struct lc_block *block = lc_blocks[address >> LC_BLOCK_SHIFT];
    if (unlikely(!block))
        return false;
    uint64_t newest = block->access[address >> LC_GRANULE_SHIFT & (LC_BLOCK_GRANULES - 1)][0] ^ lc_race_epoch;
    /* Of an access that goes on into the next granule, bits of the mask are where a difference of epochs is.
     */
    uint64_t needed =
        ((1ull << bytes) - 1) << (address & 7u) << LC_ACCESS_MASK_SHIFT | (write ? LC_ACCESS_WRITE : 0);
    return newest >> LC_ACCESS_THREAD_SHIFT == 0 && !(newest & LC_ACCESS_ATOMIC) && !(needed & ~newest);
}

#endif
