/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opposite orders. Who takes the first lock by a try holds it all the same, and then waits for the second.
 *
 * Finding: lock-order
 * Correct: it also tries the second.
 */
#include "detectors/threads.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void a_then_b(void)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}

static void tries_b_then_a(void)
{
    if (pthread_mutex_trylock(&b) != 0)
        return;
    if ((CORRECT ? pthread_mutex_trylock(&a) : pthread_mutex_lock(&a)) == 0)
        pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}

int main(void)
{
    together(a_then_b, tries_b_then_a);
    return 0;
}
