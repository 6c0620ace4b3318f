/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one variable, without a lock: both read the same value.
 *
 * Class: lost update
 * Finding: assertion
 * Points: memory
 * Correct: they count by an atomic addition.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

enum { ROUNDS = 2 };

static atomic_int counter;

static void *count(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        if (CORRECT)
            atomic_fetch_add(&counter, 1);
        else
            counter = counter + 1;
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, count, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(counter == 2 * ROUNDS);
    return 0;
}
