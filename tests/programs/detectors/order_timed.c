/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opposite orders, and both wait for ever.
 *
 * Finding: lock-order
 * Correct: one of the two has a time limit.
 */
#include "detectors/threads.h"
#include <time.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void a_then_b(void)
{
    pthread_mutex_lock(&a);
    pthread_mutex_lock(&b);
    pthread_mutex_unlock(&b);
    pthread_mutex_unlock(&a);
}

static void b_and_a_in_time(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&b);
    if ((CORRECT ? pthread_mutex_timedlock(&a, &until) : pthread_mutex_lock(&a)) == 0)
        pthread_mutex_unlock(&a);
    pthread_mutex_unlock(&b);
}

int main(void)
{
    together(a_then_b, b_and_a_in_time);
    return 0;
}
