/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting, in Linux threads, for counters that other threads raise. */
#ifndef LOCKCHECK_TESTS_COUNTERS_H
#define LOCKCHECK_TESTS_COUNTERS_H

#include <linux/delay.h>

#define COUNTER_PATIENCE_MS 5000

static inline int value_of(const int *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static inline void raise_counter(int *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

/* Wait until it does, and see that it does not go beyond. */
static inline void assert_reaches(const int *counter, int value)
{
    for (int ms = 0; ms < COUNTER_PATIENCE_MS && value_of(counter) < value; ms++)
        msleep(1);
    assert_int_equal(value_of(counter), value);
}

#endif
