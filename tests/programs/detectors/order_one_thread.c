/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The orders are opposite, and of two threads.
 *
 * Finding: lock-order
 * Correct: they are of one thread, which cannot wait for itself.
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

static void both(void)
{
    a_then_b();
    b_then_a();
}

static void nothing(void) {}

int main(void)
{
    together(CORRECT ? both : a_then_b, CORRECT ? nothing : b_then_a);
    return 0;
}
