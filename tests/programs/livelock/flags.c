/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three threads each yield until the one before has set its flag, in a ring: nobody is the first. Correct: one of them
 * does not wait.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { THREADS = 3 };

static atomic_bool ready[THREADS];

static void *wait_and_set(void *flag)
{
    size_t me = (size_t)((atomic_bool *)flag - ready);
    while (!ready[(me + THREADS - 1) % THREADS] && !(CORRECT && me == 0))
        sched_yield();
    ready[me] = true;
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, wait_and_set, &ready[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
