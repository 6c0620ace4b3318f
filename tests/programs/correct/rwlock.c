/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers share, a writer is alone; the try and timed forms return what POSIX says. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t counts = PTHREAD_MUTEX_INITIALIZER;
static int readers, writers, written;

static void count(int *what, int delta)
{
    pthread_mutex_lock(&counts);
    *what += delta;
    assert(writers == 0 || (writers == 1 && readers == 0));
    pthread_mutex_unlock(&counts);
}

static void *reader(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        assert(pthread_rwlock_rdlock(&lock) == 0);
        count(&readers, 1);
        /* A second read lock by the same thread is granted while no writer is preferred. */
        int result = pthread_rwlock_tryrdlock(&lock);
        assert(result == 0 || result == EBUSY);
        if (result == 0)
            assert(pthread_rwlock_unlock(&lock) == 0);
        count(&readers, -1);
        assert(pthread_rwlock_unlock(&lock) == 0);
    }
    return NULL;
}

static void *writer(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        assert(pthread_rwlock_wrlock(&lock) == 0);
        count(&writers, 1);
        written++;
        count(&writers, -1);
        assert(pthread_rwlock_unlock(&lock) == 0);
    }
    return NULL;
}

static void *shut_out(void *unused)
{
    (void)unused;
    struct timespec past = {1, 0};
    assert(pthread_rwlock_tryrdlock(&lock) == EBUSY);
    assert(pthread_rwlock_trywrlock(&lock) == EBUSY);
    assert(pthread_rwlock_timedrdlock(&lock, &past) == ETIMEDOUT);
    assert(pthread_rwlock_timedwrlock(&lock, &past) == ETIMEDOUT);
    struct timespec soon;
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    assert(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &soon) == ETIMEDOUT);
    assert(pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &soon) == ETIMEDOUT);
    return NULL;
}

int main(void)
{
    pthread_t threads[4], other;
    for (int i = 0; i < 4; i++)
        assert(pthread_create(&threads[i], NULL, i < 2 ? reader : writer, NULL) == 0);
    for (int i = 0; i < 4; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(written == 6);

    assert(pthread_rwlock_wrlock(&lock) == 0);
    assert(pthread_create(&other, NULL, shut_out, NULL) == 0);
    assert(pthread_join(other, NULL) == 0);
    assert(pthread_rwlock_unlock(&lock) == 0);
    assert(pthread_rwlock_destroy(&lock) == 0);
    return 0;
}
