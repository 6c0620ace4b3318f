/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is released by a store, and another thread then adds to the same atomic variable; who acquires
 * what that left is ordered after the release. Not so when the other thread stores.
 *
 * Finding: data-race
 * Correct: it adds, by a relaxed read-modify-write, which continues the release sequence (C17 5.1.2.4).
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int stage;
static int value;

static void *first(void *unused)
{
    value = 1;
    atomic_store_explicit(&stage, 1, memory_order_release);
    return unused;
}

static void *second(void *unused)
{
    while (atomic_load_explicit(&stage, memory_order_relaxed) != 1)
        sched_yield();
    if (CORRECT)
        atomic_fetch_add_explicit(&stage, 1, memory_order_relaxed);
    else
        atomic_store_explicit(&stage, 2, memory_order_relaxed);
    return unused;
}

static void *third(void *unused)
{
    while (atomic_load_explicit(&stage, memory_order_acquire) != 2)
        sched_yield();
    value++;
    return unused;
}

int main(void)
{
    pthread_t threads[3];
    void *(*const work[])(void *) = {first, second, third};
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, work[i], NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
