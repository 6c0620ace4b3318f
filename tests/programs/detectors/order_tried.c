/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opposite orders, and both wait.
 *
 * Finding: lock-order
 * Correct: one of the two only tries the second lock.
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

static void b_and_perhaps_a(void)
{
    pthread_mutex_lock(&b);
    if ((CORRECT ? pthread_mutex_trylock(&a) : pthread_mutex_lock(&a)) == 0)
        pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}

int main(void)
{
    together(a_then_b, b_and_perhaps_a);
    return 0;
}
