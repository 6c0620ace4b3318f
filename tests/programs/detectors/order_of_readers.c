/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two rwlocks in opposite orders, one of them taken for writing.
 *
 * Finding: lock-order
 * Correct: both only for reading, which lets the other one in. (Where waiting writers go first, a third
 * thread that writes could close the circle; there is none.)
 */
#include "detectors/threads.h"

static pthread_rwlock_t a = PTHREAD_RWLOCK_INITIALIZER, b = PTHREAD_RWLOCK_INITIALIZER;

static void a_then_b(void)
{
    pthread_rwlock_rdlock(&a);
    CORRECT ? pthread_rwlock_rdlock(&b) : pthread_rwlock_wrlock(&b);
    pthread_rwlock_unlock(&b);
    pthread_rwlock_unlock(&a);
}

static void b_then_a(void)
{
    pthread_rwlock_rdlock(&b);
    CORRECT ? pthread_rwlock_rdlock(&a) : pthread_rwlock_wrlock(&a);
    pthread_rwlock_unlock(&a);
    pthread_rwlock_unlock(&b);
}

int main(void)
{
    together(a_then_b, b_then_a);
    return 0;
}
