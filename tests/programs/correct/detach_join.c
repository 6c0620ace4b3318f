/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joining gives the thread's result whenever it ended; detached threads need none; the non-blocking forms. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

static sem_t gate, detached_done;

static void *gives_back(void *argument)
{
    return (void *)((intptr_t)argument * 2);
}

static void deeper(intptr_t value)
{
    pthread_exit((void *)value);
}

static void *exits_below(void *argument)
{
    deeper((intptr_t)argument + 1);
    return NULL;
}

static void *waits(void *unused)
{
    (void)unused;
    assert(sem_wait(&gate) == 0);
    return NULL;
}

static void *detached(void *unused)
{
    (void)unused;
    assert(sem_post(&detached_done) == 0);
    return NULL;
}

static void *detaches_itself(void *unused)
{
    (void)unused;
    assert(pthread_detach(pthread_self()) == 0);
    assert(sem_post(&detached_done) == 0);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_attr_t attributes;
    void *result;
    int state;

    assert(sem_init(&gate, 0, 0) == 0 && sem_init(&detached_done, 0, 0) == 0);
    assert(pthread_create(&a, NULL, gives_back, (void *)21) == 0);
    assert(pthread_create(&b, NULL, exits_below, (void *)6) == 0);
    assert(!pthread_equal(a, b));
    assert(pthread_join(b, &result) == 0 && result == (void *)7);
    assert(pthread_join(a, &result) == 0 && result == (void *)42);

    assert(pthread_join(pthread_self(), NULL) == EDEADLK);

    assert(pthread_create(&a, NULL, waits, NULL) == 0);
    assert(pthread_tryjoin_np(a, NULL) == EBUSY);
    struct timespec past = {1, 0};
    assert(pthread_timedjoin_np(a, NULL, &past) == ETIMEDOUT);
    assert(sem_post(&gate) == 0);
    assert(pthread_join(a, NULL) == 0);

    assert(pthread_attr_init(&attributes) == 0);
    assert(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    assert(pthread_attr_getdetachstate(&attributes, &state) == 0 && state == PTHREAD_CREATE_DETACHED);
    assert(pthread_create(&a, &attributes, detached, NULL) == 0);
    assert(pthread_attr_destroy(&attributes) == 0);
    assert(pthread_create(&b, NULL, detaches_itself, NULL) == 0);
    assert(sem_wait(&detached_done) == 0);
    assert(sem_wait(&detached_done) == 0);
    return 0;
}
