/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads count in one plain variable: both read the old value, and one of the two is lost.
 *
 * Correct: the variable is atomic.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#if CORRECT
static atomic_int count;
#else
static int count;
#endif

static void *increment(void *unused)
{
    (void)unused;
    count++;
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, increment, NULL);
    pthread_create(&b, NULL, increment, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(count == 2);
    return 0;
}
