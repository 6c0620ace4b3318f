/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * liblockcheck-memory.so: what programs that lockcheck-cc built run on without lockcheck. Accesses are
 * nothing but themselves; atomic operations are made, sequentially consistent. Under lockcheck the runtime is
 * preloaded, and its definitions of the same functions come first (see lockcheck/runtime/memory_access.c).
 */
#define HOOK __attribute__((visibility("default")))

#include "lockcheck/runtime/memory_hooks.h"

INLINED void before_read(const void *address, size_t bytes, enum lc_access how)
{
    (void)address, (void)bytes, (void)how;
}

INLINED void before_write(const void *address, size_t bytes, enum lc_access how)
{
    (void)address, (void)bytes, (void)how;
}

INLINED void order_atomic(const void *address, size_t bytes, enum lc_atomic what, int order)
{
    (void)address, (void)bytes, (void)what, (void)order;
}

INLINED void after_load(void) {}

static void order_fence(int order)
{
    (void)order;
}

static void after_update(const void *address, size_t bytes, bool changed)
{
    (void)address, (void)bytes, (void)changed;
}

HOOK void __tsan_init(void) {}
