/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two locks taken in opposite orders, the second by trylock with backing off: never a deadlock. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second = PTHREAD_MUTEX_INITIALIZER;
static int done;

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
    for (;;) {
        assert(pthread_mutex_lock(outer) == 0);
        int result = pthread_mutex_trylock(inner);
        if (result == 0)
            break;
        assert(result == EBUSY);
        assert(pthread_mutex_unlock(outer) == 0);
        sched_yield();
    }
    done++;
    assert(pthread_mutex_unlock(inner) == 0);
    assert(pthread_mutex_unlock(outer) == 0);
}

static void *forwards(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        both(&first, &second);
    return NULL;
}

static void *backwards(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        both(&second, &first);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    assert(pthread_create(&a, NULL, forwards, NULL) == 0);
    assert(pthread_create(&b, NULL, backwards, NULL) == 0);
    assert(pthread_join(a, NULL) == 0);
    assert(pthread_join(b, NULL) == 0);
    assert(done == 6);
    return 0;
}
