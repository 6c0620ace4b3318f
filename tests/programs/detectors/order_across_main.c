/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main() takes two locks in the opposite order of a thread, while that is there.
 *
 * Finding: lock-order
 * Correct: main() is through before the thread is made.
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

static void *other(void *unused)
{
    (void)unused;
    b_then_a();
    return NULL;
}

int main(void)
{
    pthread_t thread;
    if (CORRECT)
        a_then_b();
    pthread_create(&thread, NULL, other, NULL);
    if (!CORRECT)
        a_then_b();
    pthread_join(thread, NULL);
    a_then_b();
    return 0;
}
