/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opposite orders under one rwlock, which both hold for reading: it keeps nobody out.
 *
 * Finding: lock-order
 * Correct: one of the two holds it for writing.
 */
#include "detectors/threads.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

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
    pthread_rwlock_rdlock(&gate);
    a_then_b();
    pthread_rwlock_unlock(&gate);
}

static void other(void)
{
    CORRECT ? pthread_rwlock_wrlock(&gate) : pthread_rwlock_rdlock(&gate);
    b_then_a();
    pthread_rwlock_unlock(&gate);
}

int main(void)
{
    together(one, other);
    return 0;
}
