/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What Valgrind's tools do not know: the order that atomic operations and fences make (C17, 5.1.2.4). Code
 * that lockcheck-cc built calls these functions for each, and under Valgrind this library's definitions come
 * first. The operation itself is a race to Helgrind and DRD, reported from within this library, and passed
 * over by the suppressions that come with it (see lockcheck/tool/opinion.c).
 *
 * An operation and what is told of it are not one step, and an order is told rather once too often: such a
 * one may hide a race, and never makes one up. So a store releases before it is made, which a load may see
 * too early; no store ends what earlier ones have released; a relaxed store releases what the thread's fences
 * do, the later ones too; and an acquiring fence acquires what the thread's newest relaxed loads were of.
 */
#define HOOK __attribute__((visibility("default")))

#include "lockcheck/annotate/annotate.h"
#include "lockcheck/runtime/memory_hooks.h"

#define ORDER_MASK 0xff /* gcc has more bits for hardware lock elision */
#define RELAXED_LOADS 16u
#define OBJECTS 4096u
#define KNOWN 256u

/* How often an object has been released, by hash: a thread that knows the newest has nothing to acquire, and
 * to tell the tools so costs them much. */
static uint32_t releases_of[OBJECTS];

/* Whose releasing fences count for who reads an object, by hash: a bit for each thread, or several. A fence
 * is released and acquired as an object of its thread's own. */
#define FENCES 64u
static uint64_t fences_of[OBJECTS];
static char fences[FENCES];
static unsigned fencing; /* threads so far that have made one */

static __thread struct {
    const void *object; /* of the operation that is being made */
    enum lc_atomic what;
    int order;
    unsigned fence;   /* 1 + its number among the fences, 0: none so far */
    unsigned relaxed; /* loads so far */
    const void *loaded[RELAXED_LOADS];
    struct {
        const void *object;
        uint32_t releases; /* that the thread knows of */
    } known[KNOWN];
} self;

static size_t hash(const void *object)
{
    return (uintptr_t)object * 0x9e3779b97f4a7c15u >> 52;
}
_Static_assert(OBJECTS == 1u << (64 - 52), "a hash is an index");

static void release(const void *object)
{
    size_t at = hash(object);
    annotate_release(object);
    uint32_t before = __atomic_fetch_add(&releases_of[at], 1, __ATOMIC_SEQ_CST);
    /* Its own is no news. */
    if (self.known[at % KNOWN].object == object && self.known[at % KNOWN].releases == before)
        self.known[at % KNOWN].releases++;
}

static void acquire_one(const void *object, size_t at)
{
    uint32_t releases = __atomic_load_n(&releases_of[at], __ATOMIC_SEQ_CST);
    if (!releases || (self.known[at % KNOWN].object == object && self.known[at % KNOWN].releases == releases))
        return;
    annotate_acquire(object);
    self.known[at % KNOWN].object = object;
    self.known[at % KNOWN].releases = releases;
}

static void acquire(const void *object)
{
    size_t at = hash(object);
    acquire_one(object, at);
    uint64_t left = __atomic_load_n(&fences_of[at], __ATOMIC_SEQ_CST);
    if (self.fence)
        left &= ~(1ull << (self.fence - 1));
    for (; left; left &= left - 1) {
        const void *fence = &fences[__builtin_ctzll(left)];
        acquire_one(fence, hash(fence));
    }
}

/* A relaxed store after a fence. */
static void release_fence(const void *object)
{
    uint64_t *all = &fences_of[hash(object)], bit = 1ull << (self.fence - 1);
    if (!(__atomic_load_n(all, __ATOMIC_SEQ_CST) & bit))
        __atomic_fetch_or(all, bit, __ATOMIC_SEQ_CST);
}

static bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static bool acquires(int order)
{
    return order == __ATOMIC_CONSUME || order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

/* Plain accesses are Valgrind's to see. */
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
    (void)bytes;
    self.object = address;
    self.what = what;
    self.order = order & ORDER_MASK;
    if (what != LOAD && releases(self.order))
        release(address);
    else if (what != LOAD && self.fence)
        release_fence(address);
}

INLINED void after_load(void)
{
    if (acquires(self.order))
        acquire(self.object);
    else
        self.loaded[self.relaxed++ % RELAXED_LOADS] = self.object;
}

INLINED void after_update(const void *address, size_t bytes, bool changed)
{
    (void)bytes;
    /* What an exchange compares with came only now. */
    if (self.what == LOAD && changed)
        release(address);
    if (self.what != STORE)
        after_load();
}

static void order_fence(int order)
{
    order &= ORDER_MASK;
    if (releases(order)) {
        if (!self.fence)
            self.fence = 1 + __atomic_fetch_add(&fencing, 1, __ATOMIC_SEQ_CST) % FENCES;
        release(&fences[self.fence - 1]);
    }
    for (unsigned i = 0; acquires(order) && i < self.relaxed && i < RELAXED_LOADS; i++)
        acquire(self.loaded[i]);
    if (acquires(order))
        self.relaxed = 0;
}

HOOK void __tsan_init(void) {}
