/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A spin lock and a mutex in opposite orders.
 *
 * Finding: lock-order
 * Correct: in one order.
 */
#include "detectors/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t spin;

static void mutex_then_spin(void)
{
    pthread_mutex_lock(&mutex);
    pthread_spin_lock(&spin);
    pthread_spin_unlock(&spin);
    pthread_mutex_unlock(&mutex);
}

static void spin_then_mutex(void)
{
    if (!CORRECT)
        pthread_spin_lock(&spin);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    if (!CORRECT)
        pthread_spin_unlock(&spin);
}

int main(void)
{
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    together(mutex_then_spin, spin_then_mutex);
    pthread_spin_destroy(&spin);
    return 0;
}
