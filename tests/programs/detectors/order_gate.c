/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opposite orders, each under a lock of its own.
 *
 * Finding: lock-order
 * Correct: both under the same one, the gate, so that only one of them is there.
 */
#include "detectors/threads.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gates[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};

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

static void one(void)
{
    pthread_mutex_lock(&gates[0]);
    a_then_b();
    pthread_mutex_unlock(&gates[0]);
}

static void other(void)
{
    pthread_mutex_lock(&gates[!CORRECT]);
    b_then_a();
    pthread_mutex_unlock(&gates[!CORRECT]);
}

int main(void)
{
    together(one, other);
    return 0;
}
