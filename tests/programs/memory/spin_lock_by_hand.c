/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spin lock that looks whether it is free and then takes it, in two steps.
 *
 * Correct: in one, by an exchange; the loop then waits by writing what is there already.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

static atomic_int lock;
static int count;

static void take(void)
{
    if (CORRECT) {
        while (atomic_exchange(&lock, 1))
            ;
        return;
    }
    while (atomic_load(&lock))
        ;
    atomic_store(&lock, 1);
}

static void *increment(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        take();
        count++;
        lock = 0;
    }
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, increment, NULL);
    pthread_create(&b, NULL, increment, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(count == 4);
    return 0;
}
