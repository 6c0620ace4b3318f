/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads take two locks in opposite orders, and could do so at once.
 *
 * Finding: lock-order
 * Correct: the first is joined before the second is made.
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

static void b_then_a(void)
{
    pthread_mutex_lock(&b);
    pthread_mutex_lock(&a);
    pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}

int main(void)
{
    if (CORRECT)
        in_turn(a_then_b, b_then_a);
    else
        together(a_then_b, b_then_a);
    return 0;
}
