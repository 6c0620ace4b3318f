/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function that used to look only now counts its calls, under the read lock that it always took.
 *
 * Class: wrong lock
 * Finding: assertion
 * Detected: data-race
 * Points: memory
 * Correct: it takes the write lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static int calls;

static void *look_up(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_rwlock_wrlock(&lock);
    else
        pthread_rwlock_rdlock(&lock);
    calls = calls + 1;
    pthread_rwlock_unlock(&lock);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, look_up, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(calls == 2);
    return 0;
}
