/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux 6.1's <linux/atomic.h>, all operations fully ordered. */
#ifndef DDE_LINUX_ATOMIC_H
#define DDE_LINUX_ATOMIC_H

#include <linux/compiler.h>
#include <linux/types.h>

#define ATOMIC_INIT(i)                                                                                       \
    {                                                                                                        \
        (i)                                                                                                  \
    }

static inline int atomic_read(const atomic_t *v)
{
    return __atomic_load_n(&v->counter, __ATOMIC_SEQ_CST);
}

static inline void atomic_set(atomic_t *v, int i)
{
    __atomic_store_n(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline int atomic_add_return(int i, atomic_t *v)
{
    return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline int atomic_sub_return(int i, atomic_t *v)
{
    return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic_add(int i, atomic_t *v)
{
    atomic_add_return(i, v);
}

static inline void atomic_inc(atomic_t *v)
{
    atomic_add_return(1, v);
}

static inline void atomic_dec(atomic_t *v)
{
    atomic_sub_return(1, v);
}

static inline int atomic_inc_return(atomic_t *v)
{
    return atomic_add_return(1, v);
}

static inline int atomic_dec_return(atomic_t *v)
{
    return atomic_sub_return(1, v);
}

static inline bool atomic_dec_and_test(atomic_t *v)
{
    return atomic_sub_return(1, v) == 0;
}

/* Decrement it unless it would become negative; returns what it would be. */
static inline int atomic_dec_if_positive(atomic_t *v)
{
    int old = atomic_read(v);

    do {
        if (old <= 0)
            break;
    } while (
        !__atomic_compare_exchange_n(&v->counter, &old, old - 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return old - 1;
}

static inline int atomic_xchg(atomic_t *v, int i)
{
    return __atomic_exchange_n(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline int atomic_cmpxchg(atomic_t *v, int old, int new_value)
{
    __atomic_compare_exchange_n(&v->counter, &old, new_value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return old;
}

#define xchg(ptr, value) __atomic_exchange_n((ptr), (value), __ATOMIC_SEQ_CST)
#define cmpxchg(ptr, old, value)                                                                             \
    ({                                                                                                       \
        __typeof__(*(ptr)) __seen = (old);                                                                   \
        __atomic_compare_exchange_n((ptr), &__seen, (value), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);     \
        __seen;                                                                                              \
    })

#endif
