/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thread-specific values are each thread's own; destructors run at its end, and again for values set anew. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum { THREADS = 3 };

static pthread_key_t plain, stubborn;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_int destroyed, again;

static void destroy(void *value)
{
    /* A destructor may block like any other code. */
    pthread_mutex_lock(&mutex);
    destroyed += (int)(intptr_t)value;
    pthread_mutex_unlock(&mutex);
}

static void set_anew(void *value)
{
    intptr_t rounds = (intptr_t)value;
    again++;
    if (rounds > 1)
        assert(pthread_setspecific(stubborn, (void *)(rounds - 1)) == 0);
}

static void *worker(void *argument)
{
    intptr_t number = (intptr_t)argument;
    assert(pthread_getspecific(plain) == NULL);
    assert(pthread_setspecific(plain, (void *)number) == 0);
    assert(pthread_setspecific(stubborn, (void *)2) == 0);
    for (int i = 0; i < 3; i++) {
        sched_yield();
        assert(pthread_getspecific(plain) == (void *)number);
    }
    if (number == 2)
        pthread_exit(NULL);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    assert(pthread_key_create(&plain, destroy) == 0);
    assert(pthread_key_create(&stubborn, set_anew) == 0);
    for (intptr_t i = 0; i < THREADS; i++)
        assert(pthread_create(&threads[i], NULL, worker, (void *)(i + 1)) == 0);
    for (int i = 0; i < THREADS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(destroyed == 1 + 2 + 3);
    assert(again == 2 * THREADS);
    assert(pthread_key_delete(plain) == 0);
    assert(pthread_key_delete(stubborn) == 0);
    return 0;
}
