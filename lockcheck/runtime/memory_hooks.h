/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that code compiled with -fsanitize=thread calls: the interface of gcc 12 (sanitizer.def) and
 * clang 14 to 19 (ThreadSanitizer.cpp), which is the one of libtsan. It is defined here once and compiled
 * into three libraries: the runtime, where accesses are events and may be scheduling points;
 * liblockcheck-memory.so, where they are nothing, for the same program without lockcheck; and
 * liblockcheck-annotate-valgrind.so, which tells Helgrind and DRD the order that atomic operations make.
 *
 * Who includes it defines HOOK first, the attributes of each function, and then the functions that are only
 * declared here.
 *
 * Every atomic operation is sequentially consistent, whatever order the program asks for: the scheduler
 * interleaves whole operations, so the weaker behaviour of real machines is not explored.
 *
 * Left out: what only libtsan's own users call (reports, external tags, the interface of Java). The functions
 * of <sanitizer/tsan_interface.h> by which programs explain themselves to libtsan are there and do nothing.
 */
#ifndef LOCKCHECK_RUNTIME_MEMORY_HOOKS_H
#define LOCKCHECK_RUNTIME_MEMORY_HOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum lc_access { PLAIN, VOLATILE, ATOMIC };

/* What an atomic operation is, as it turns out. */
enum lc_atomic { LOAD, STORE, EXCHANGE };

/* Inlined, so that the return address is that of the function which the compiler called. */
#define INLINED static inline __attribute__((always_inline))

/* An access to `bytes` bytes is about to be made; 0 bytes are possible. An atomic operation that may store is
 * a write. */
INLINED void before_read(const void *address, size_t bytes, enum lc_access how);
INLINED void before_write(const void *address, size_t bytes, enum lc_access how);
/* The atomic operation of the last of these is about to be made, and no other thread runs in between. order:
 * as the compiler gives it, __ATOMIC_*. */
INLINED void order_atomic(const void *address, size_t bytes, enum lc_atomic what, int order);
/* The atomic load of the last before_read() has been made. */
INLINED void after_load(void);
/* A fence. */
static void order_fence(int order);
/* The atomic operation of the last before_write() has been made. changed: it stored something, and that was
 * not there before. */
static void after_update(const void *address, size_t bytes, bool changed);

/* ---- the life of functions and modules ---- */

HOOK void __tsan_func_entry(void *caller)
{
    (void)caller;
}

HOOK void __tsan_func_exit(void) {}

/* ---- plain and volatile accesses ---- */

#define ACCESSES(bytes)                                                                                      \
    HOOK void __tsan_read##bytes(void *a)                                                                    \
    {                                                                                                        \
        before_read(a, bytes, PLAIN);                                                                        \
    }                                                                                                        \
    HOOK void __tsan_write##bytes(void *a)                                                                   \
    {                                                                                                        \
        before_write(a, bytes, PLAIN);                                                                       \
    }                                                                                                        \
    HOOK void __tsan_read_write##bytes(void *a)                                                              \
    {                                                                                                        \
        before_write(a, bytes, PLAIN);                                                                       \
    }                                                                                                        \
    HOOK void __tsan_unaligned_read##bytes(void *a)                                                          \
    {                                                                                                        \
        before_read(a, bytes, PLAIN);                                                                        \
    }                                                                                                        \
    HOOK void __tsan_unaligned_write##bytes(void *a)                                                         \
    {                                                                                                        \
        before_write(a, bytes, PLAIN);                                                                       \
    }                                                                                                        \
    HOOK void __tsan_unaligned_read_write##bytes(void *a)                                                    \
    {                                                                                                        \
        before_write(a, bytes, PLAIN);                                                                       \
    }                                                                                                        \
    HOOK void __tsan_volatile_read##bytes(void *a)                                                           \
    {                                                                                                        \
        before_read(a, bytes, VOLATILE);                                                                     \
    }                                                                                                        \
    HOOK void __tsan_volatile_write##bytes(void *a)                                                          \
    {                                                                                                        \
        before_write(a, bytes, VOLATILE);                                                                    \
    }                                                                                                        \
    HOOK void __tsan_unaligned_volatile_read##bytes(void *a)                                                 \
    {                                                                                                        \
        before_read(a, bytes, VOLATILE);                                                                     \
    }                                                                                                        \
    HOOK void __tsan_unaligned_volatile_write##bytes(void *a)                                                \
    {                                                                                                        \
        before_write(a, bytes, VOLATILE);                                                                    \
    }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

HOOK void __tsan_read_range(void *a, unsigned long bytes)
{
    before_read(a, bytes, PLAIN);
}

HOOK void __tsan_write_range(void *a, unsigned long bytes)
{
    before_write(a, bytes, PLAIN);
}

/* The pointer to a C++ object's virtual functions. Constructors and destructors of one class after the other
 * write what is there already. */
HOOK void __tsan_vptr_update(void **a, void *value)
{
    if (*a != value)
        before_write(a, sizeof *a, PLAIN);
}

HOOK void __tsan_vptr_read(void **a)
{
    before_read(a, sizeof *a, PLAIN);
}

/* ---- copies: clang calls the first three since version 15; the linker puts the others in the place of the C
 * library's (see lockcheck-cc) ---- */

#define COPIES(prefix)                                                                                       \
    HOOK void *prefix##memcpy(void *to, const void *from, size_t bytes)                                      \
    {                                                                                                        \
        before_read(from, bytes, PLAIN);                                                                     \
        before_write(to, bytes, PLAIN);                                                                      \
        return memcpy(to, from, bytes);                                                                      \
    }                                                                                                        \
    HOOK void *prefix##memmove(void *to, const void *from, size_t bytes)                                     \
    {                                                                                                        \
        before_read(from, bytes, PLAIN);                                                                     \
        before_write(to, bytes, PLAIN);                                                                      \
        return memmove(to, from, bytes);                                                                     \
    }                                                                                                        \
    HOOK void *prefix##memset(void *to, int value, size_t bytes)                                             \
    {                                                                                                        \
        before_write(to, bytes, PLAIN);                                                                      \
        return memset(to, value, bytes);                                                                     \
    }

COPIES(__tsan_)
COPIES(__wrap_)

/* ---- atomics ---- */

/* 16 bytes at once: the compilers leave these to libatomic, but have the instruction (cmpxchg16b). */
#define COMPARE_AND_SWAP(a, expected, value) __sync_val_compare_and_swap(a, expected, value)
#define LOAD_SMALL(a) __atomic_load_n(a, __ATOMIC_SEQ_CST)
#define LOAD_16(a) COMPARE_AND_SWAP((lc_a128 *)(a), 0, 0)

/* Set *a to `next`, which is computed from `old`; `old` is what was there. */
#define UPDATE(type, a, old, next)                                                                           \
    type old = *a;                                                                                           \
    for (type seen; (seen = COMPARE_AND_SWAP(a, old, next)) != old; old = seen)                              \
        ;

#define FETCH(bits, type, name, next)                                                                        \
    HOOK type __tsan_atomic##bits##_fetch_##name(volatile type *a, type value, int order)                    \
    {                                                                                                        \
        before_write((const void *)a, sizeof *a, ATOMIC);                                                    \
        order_atomic((const void *)a, sizeof *a, EXCHANGE, order);                                           \
        UPDATE(type, a, old, next);                                                                          \
        after_update((const void *)a, sizeof *a, (type)(next) != old);                                       \
        return old;                                                                                          \
    }

#define ATOMICS(bits, type, load)                                                                            \
    HOOK type __tsan_atomic##bits##_load(const volatile type *a, int order)                                  \
    {                                                                                                        \
        before_read((const void *)a, sizeof *a, ATOMIC);                                                     \
        order_atomic((const void *)a, sizeof *a, LOAD, order);                                               \
        type value = load(a);                                                                                \
        after_load();                                                                                        \
        return value;                                                                                        \
    }                                                                                                        \
    HOOK void __tsan_atomic##bits##_store(volatile type *a, type value, int order)                           \
    {                                                                                                        \
        before_write((const void *)a, sizeof *a, ATOMIC);                                                    \
        order_atomic((const void *)a, sizeof *a, STORE, order);                                              \
        UPDATE(type, a, old, value);                                                                         \
        after_update((const void *)a, sizeof *a, true);                                                      \
    }                                                                                                        \
    HOOK type __tsan_atomic##bits##_exchange(volatile type *a, type value, int order)                        \
    {                                                                                                        \
        before_write((const void *)a, sizeof *a, ATOMIC);                                                    \
        order_atomic((const void *)a, sizeof *a, EXCHANGE, order);                                           \
        UPDATE(type, a, old, value);                                                                         \
        after_update((const void *)a, sizeof *a, old != value);                                              \
        return old;                                                                                          \
    }                                                                                                        \
    FETCH(bits, type, add, old + value)                                                                      \
    FETCH(bits, type, sub, old - value)                                                                      \
    FETCH(bits, type, and, old &value)                                                                       \
    FETCH(bits, type, or, old | value)                                                                       \
    FETCH(bits, type, xor, old ^ value)                                                                      \
    FETCH(bits, type, nand, ~(old & value))                                                                  \
    INLINED type compare_exchange##bits(volatile type *a, type expected, type value, int order,              \
                                        int of_failure)                                                      \
    {                                                                                                        \
        before_write((const void *)a, sizeof *a, ATOMIC);                                                    \
        bool equal = load(a) == expected;                                                                    \
        order_atomic((const void *)a, sizeof *a, equal ? EXCHANGE : LOAD, equal ? order : of_failure);       \
        type old = COMPARE_AND_SWAP(a, expected, value);                                                     \
        after_update((const void *)a, sizeof *a, old == expected && old != value);                           \
        return old;                                                                                          \
    }                                                                                                        \
    INLINED int compare_exchange_into##bits(volatile type *a, type *expected, type value, int order,         \
                                            int of_failure)                                                  \
    {                                                                                                        \
        type wanted = *expected;                                                                             \
        type old = compare_exchange##bits(a, wanted, value, order, of_failure);                              \
        if (old == wanted)                                                                                   \
            return 1;                                                                                        \
        *expected = old;                                                                                     \
        return 0;                                                                                            \
    }                                                                                                        \
    HOOK type __tsan_atomic##bits##_compare_exchange_val(volatile type *a, type expected, type value,        \
                                                         int order, int order_of_failure)                    \
    {                                                                                                        \
        return compare_exchange##bits(a, expected, value, order, order_of_failure);                          \
    }                                                                                                        \
    HOOK int __tsan_atomic##bits##_compare_exchange_strong(volatile type *a, type *expected, type value,     \
                                                           int order, int order_of_failure)                  \
    {                                                                                                        \
        return compare_exchange_into##bits(a, expected, value, order, order_of_failure);                     \
    }                                                                                                        \
    HOOK int __tsan_atomic##bits##_compare_exchange_weak(volatile type *a, type *expected, type value,       \
                                                         int order, int order_of_failure)                    \
    {                                                                                                        \
        return compare_exchange_into##bits(a, expected, value, order, order_of_failure);                     \
    }

typedef unsigned __int128 lc_a128;

ATOMICS(8, uint8_t, LOAD_SMALL)
ATOMICS(16, uint16_t, LOAD_SMALL)
ATOMICS(32, uint32_t, LOAD_SMALL)
ATOMICS(64, uint64_t, LOAD_SMALL)
ATOMICS(128, lc_a128, LOAD_16)

HOOK void __tsan_atomic_thread_fence(int order)
{
    order_fence(order);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

HOOK void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- what programs tell libtsan ---- */

#define NOTHING(name, ...)                                                                                   \
    HOOK void name(__VA_ARGS__) {}

NOTHING(__tsan_ignore_thread_begin, void)
NOTHING(__tsan_ignore_thread_end, void)
NOTHING(__tsan_acquire, void *a __attribute__((unused)))
NOTHING(__tsan_release, void *a __attribute__((unused)))

#define ABOUT_A_MUTEX(name) NOTHING(__tsan_mutex_##name, void *a __attribute__((unused)), ...)
ABOUT_A_MUTEX(create)
ABOUT_A_MUTEX(destroy)
ABOUT_A_MUTEX(pre_lock)
ABOUT_A_MUTEX(post_lock)
ABOUT_A_MUTEX(post_unlock)
ABOUT_A_MUTEX(pre_signal)
ABOUT_A_MUTEX(post_signal)
ABOUT_A_MUTEX(pre_divert)
ABOUT_A_MUTEX(post_divert)

HOOK int __tsan_mutex_pre_unlock(void *a, unsigned flags)
{
    (void)a, (void)flags;
    return 0;
}

#endif
