/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lookup takes a reference when it sees that there is one, in two steps: in between the last reference is
 * given up, and the object with it.
 *
 * Class: reference count
 * Finding: assertion
 * Points: memory
 * Correct: look and take are one compare and swap.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_int references = 1;
static atomic_bool freed;

static bool get(void)
{
    int count = references;
    if (CORRECT) {
        while (count > 0 && !atomic_compare_exchange_strong(&references, &count, count + 1))
            ;
        return count > 0;
    }
    if (count == 0)
        return false;
    atomic_fetch_add(&references, 1);
    return true;
}

static void put(void)
{
    if (atomic_fetch_sub(&references, 1) == 1)
        assert(!atomic_exchange(&freed, true));
}

static void *owner(void *unused)
{
    (void)unused;
    put();
    return NULL;
}

static void *lookup(void *unused)
{
    (void)unused;
    if (get()) {
        assert(!freed);
        put();
    }
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, owner, NULL);
    pthread_create(&b, NULL, lookup, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(freed);
    return 0;
}
