/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses that are noted, so that it is known without a lock whether there is one in memory that is being
 * freed: to free must not become a step for lockcheck, much less one that comes and goes with the addresses.
 *
 * A note lies at an index by its line of memory, and takes the place of another with that index. So what is
 * found has been noted, and not forgotten; what is not found is only likely not to be there.
 */
#ifndef HARNESS_MACHINE_NOTED_H
#define HARNESS_MACHINE_NOTED_H

#include <stddef.h>
#include <stdint.h>

#define NOTED_MAX 65536u
#define NOTED_LINE_BYTES 64u

struct noted {
    const void *at[NOTED_MAX]; /* atomically */
};

static inline const void **noted_place(struct noted *noted, uintptr_t line)
{
    return &noted->at[line % NOTED_MAX];
}

static inline void noted_add(struct noted *noted, const void *address)
{
    __atomic_store_n(noted_place(noted, (uintptr_t)address / NOTED_LINE_BYTES), address, __ATOMIC_SEQ_CST);
}

/* Does nothing when another has taken its place. */
static inline void noted_remove(struct noted *noted, const void *address)
{
    const void *expected = address;

    __atomic_compare_exchange_n(noted_place(noted, (uintptr_t)address / NOTED_LINE_BYTES), &expected, NULL, 0,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* One that is noted and lies in this memory, length in bytes; NULL when none is found. */
static inline const void *noted_in(struct noted *noted, const void *memory, size_t length)
{
    uintptr_t first = (uintptr_t)memory / NOTED_LINE_BYTES,
              end = ((uintptr_t)memory + length + NOTED_LINE_BYTES - 1) / NOTED_LINE_BYTES;

    for (uintptr_t line = first; line < end && line - first < NOTED_MAX; line++) {
        const void *address = __atomic_load_n(noted_place(noted, line), __ATOMIC_SEQ_CST);
        if (address && (uintptr_t)address - (uintptr_t)memory < length)
            return address;
    }
    return NULL;
}

#endif
