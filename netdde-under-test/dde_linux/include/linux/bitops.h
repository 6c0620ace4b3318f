/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux 6.1's <linux/bitops.h> and <linux/bits.h>. The operations without underscores are atomic and fully
 * ordered, which is more than Linux promises for those that return nothing.
 */
#ifndef DDE_LINUX_BITOPS_H
#define DDE_LINUX_BITOPS_H

#include <linux/types.h>

#define BITS_PER_BYTE 8
#define BITS_PER_LONG (BITS_PER_BYTE * (int)sizeof(long))
#define BIT(nr) (1UL << (nr))
#define BIT_ULL(nr) (1ULL << (nr))
#define BIT_MASK(nr) (1UL << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))

static inline void set_bit(long nr, volatile unsigned long *addr)
{
    __atomic_fetch_or(&addr[BIT_WORD(nr)], BIT_MASK(nr), __ATOMIC_SEQ_CST);
}

static inline void clear_bit(long nr, volatile unsigned long *addr)
{
    __atomic_fetch_and(&addr[BIT_WORD(nr)], ~BIT_MASK(nr), __ATOMIC_SEQ_CST);
}

static inline bool test_and_set_bit(long nr, volatile unsigned long *addr)
{
    return __atomic_fetch_or(&addr[BIT_WORD(nr)], BIT_MASK(nr), __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline bool test_and_clear_bit(long nr, volatile unsigned long *addr)
{
    return __atomic_fetch_and(&addr[BIT_WORD(nr)], ~BIT_MASK(nr), __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline bool test_bit(long nr, const volatile unsigned long *addr)
{
    return __atomic_load_n(&addr[BIT_WORD(nr)], __ATOMIC_SEQ_CST) & BIT_MASK(nr);
}

static inline void __set_bit(long nr, volatile unsigned long *addr)
{
    addr[BIT_WORD(nr)] |= BIT_MASK(nr);
}

static inline void __clear_bit(long nr, volatile unsigned long *addr)
{
    addr[BIT_WORD(nr)] &= ~BIT_MASK(nr);
}

/* Index of the lowest bit set; undefined for 0. */
static inline unsigned long __ffs(unsigned long word)
{
    return (unsigned long)__builtin_ctzl(word);
}

/* Index of the first bit set at or after from; size when there is none. */
static inline unsigned long find_next_bit(const unsigned long *addr, unsigned long size, unsigned long from)
{
    while (from < size) {
        unsigned long word = __atomic_load_n(&addr[BIT_WORD(from)], __ATOMIC_RELAXED) >> from % BITS_PER_LONG;

        if (word)
            return from + __ffs(word) < size ? from + __ffs(word) : size;
        from += BITS_PER_LONG - from % BITS_PER_LONG;
    }
    return size;
}

#define find_first_bit(addr, size) find_next_bit((addr), (size), 0)
#define for_each_set_bit(bit, addr, size)                                                                    \
    for ((bit) = find_first_bit((addr), (size)); (bit) < (size);                                             \
         (bit) = find_next_bit((addr), (size), (unsigned long)(bit) + 1))

/* Like __ffs, counted from 1; 0 when no bit is set. */
static inline int fls(unsigned int x)
{
    return x ? 32 - __builtin_clz(x) : 0;
}

static inline unsigned int hweight32(u32 w)
{
    return (unsigned int)__builtin_popcount(w);
}

#endif
