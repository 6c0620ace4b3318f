/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static local variables of C++, which the first thread to come makes and the others wait for (Itanium C++
 * ABI, 3.3.3, one-time construction). What the C++ library does for it is not seen, so the order that it
 * makes between the threads is told here; once the variable is there, code that is seen reads the guard's
 * first byte.
 */
#include "lockcheck/detect/race.h"
#include "lockcheck/runtime/interpose.h"

int __cxa_guard_acquire(int64_t *guard);
void __cxa_guard_release(int64_t *guard);

static bool watched(void)
{
    return unlikely(lc_order_kept) && lc.active && lc.inside == 0;
}

/* 1: the caller is to make it. */
LC_EXPORT int __cxa_guard_acquire(int64_t *guard)
{
    int make = LC_REAL(__cxa_guard_acquire)(guard);
    if (watched())
        lc_race_load((uintptr_t)guard, __ATOMIC_ACQUIRE);
    return make;
}

LC_EXPORT void __cxa_guard_release(int64_t *guard)
{
    if (watched())
        lc_race_store((uintptr_t)guard, __ATOMIC_RELEASE, false);
    LC_REAL(__cxa_guard_release)(guard);
}
