/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cancellation: a thread that waits in a cancellation point ends there, with its clean-up handlers run in
 * reverse order, the mutex of a condition wait held again, and its keys destroyed; where cancellation is
 * disabled it is deferred.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t empty, go;
static pthread_key_t key;
static atomic_int handlers, destroyed, went_on;

static void unlock(void *argument)
{
    assert(pthread_mutex_unlock(argument) == 0);
    assert(handlers++ == 0);
}

static void outer(void *unused)
{
    (void)unused;
    assert(handlers++ == 1);
}

static void destroy(void *unused)
{
    (void)unused;
    destroyed++;
}

static void *in_condition_wait(void *unused)
{
    (void)unused;
    assert(pthread_setspecific(key, &key) == 0);
    pthread_cleanup_push(outer, NULL);
    assert(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock, &mutex);
    for (;;)
        pthread_cond_wait(&never, &mutex);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *in_semaphore_wait(void *unused)
{
    (void)unused;
    sem_wait(&empty);
    return NULL;
}

static void *in_sleep(void *unused)
{
    (void)unused;
    for (;;)
        sleep(1000);
    return NULL;
}

static void *in_join(void *argument)
{
    pthread_join(*(pthread_t *)argument, NULL);
    return NULL;
}

static void *deferred(void *unused)
{
    (void)unused;
    int old;
    assert(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0 && old == PTHREAD_CANCEL_ENABLE);
    assert(sem_wait(&go) == 0);
    pthread_testcancel();
    went_on++;
    assert(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL) == 0);
    pthread_testcancel();
    assert(!"reached the end of a cancelled thread");
    return NULL;
}

static void *never_cancelled_in_lock(void *unused)
{
    (void)unused;
    /* Locking is not a cancellation point. */
    assert(pthread_mutex_lock(&mutex) == 0);
    went_on++;
    assert(pthread_mutex_unlock(&mutex) == 0);
    pthread_testcancel();
    return NULL;
}

static void cancel_and_join(pthread_t thread)
{
    void *result;
    assert(pthread_cancel(thread) == 0);
    assert(pthread_join(thread, &result) == 0);
    assert(result == PTHREAD_CANCELED);
}

int main(void)
{
    pthread_t thread, sleeper;
    assert(sem_init(&empty, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    assert(pthread_key_create(&key, destroy) == 0);

    /* The handlers run whether the cancellation comes before or during the wait, once the thread has started.
     */
    assert(pthread_create(&thread, NULL, in_condition_wait, NULL) == 0);
    cancel_and_join(thread);
    assert(handlers == 2 && destroyed == 1);
    assert(pthread_mutex_trylock(&mutex) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);

    assert(pthread_create(&thread, NULL, in_semaphore_wait, NULL) == 0);
    cancel_and_join(thread);

    assert(pthread_create(&sleeper, NULL, in_sleep, NULL) == 0);
    assert(pthread_create(&thread, NULL, in_join, &sleeper) == 0);
    cancel_and_join(thread);
    cancel_and_join(sleeper);

    assert(pthread_create(&thread, NULL, deferred, NULL) == 0);
    assert(pthread_cancel(thread) == 0);
    assert(sem_post(&go) == 0);
    void *result;
    assert(pthread_join(thread, &result) == 0);
    assert(result == PTHREAD_CANCELED);

    assert(pthread_mutex_lock(&mutex) == 0);
    assert(pthread_create(&thread, NULL, never_cancelled_in_lock, NULL) == 0);
    assert(pthread_cancel(thread) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);
    assert(pthread_join(thread, &result) == 0);
    assert(result == PTHREAD_CANCELED);
    return 0;
}
