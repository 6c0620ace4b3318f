/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times and clocks that are not valid. The C library looks at the time of a lock only when it has to wait for
 * it; a read-write lock's, a semaphore's and a condition variable's it checks first.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#define NO_CLOCK 99

static const struct timespec invalid = {.tv_sec = 1, .tv_nsec = 1000000000}, past = {.tv_sec = -1},
                             zero = {.tv_sec = 0};
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static void *return_at_once(void *unused)
{
    return unused;
}

static void locks_that_are_free(void)
{
    assert(pthread_mutex_timedlock(&mutex, &invalid) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);
    assert(pthread_mutex_timedlock(&mutex, &past) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);
    assert(pthread_mutex_clocklock(&mutex, NO_CLOCK, &zero) == EINVAL);
    assert(pthread_mutex_clocklock(&mutex, CLOCK_BOOTTIME, &zero) == EINVAL);
    assert(pthread_rwlock_timedrdlock(&rwlock, &invalid) == EINVAL);
    assert(pthread_rwlock_timedwrlock(&rwlock, &invalid) == EINVAL);
    assert(pthread_rwlock_clockwrlock(&rwlock, NO_CLOCK, &zero) == EINVAL);
    assert(pthread_rwlock_timedwrlock(&rwlock, &past) == 0);
    assert(pthread_rwlock_unlock(&rwlock) == 0);
}

static void *locks_that_are_held(void *unused)
{
    assert(pthread_mutex_timedlock(&mutex, &invalid) == EINVAL);
    assert(pthread_mutex_timedlock(&mutex, &past) == ETIMEDOUT);
    assert(pthread_mutex_clocklock(&mutex, NO_CLOCK, &zero) == EINVAL);
    assert(pthread_rwlock_timedrdlock(&rwlock, &invalid) == EINVAL);
    assert(pthread_rwlock_timedwrlock(&rwlock, &past) == ETIMEDOUT);
    assert(pthread_rwlock_clockrdlock(&rwlock, NO_CLOCK, &zero) == EINVAL);
    return unused;
}

static void one_that_is_mine(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t checking;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checking, &attributes);
    assert(pthread_mutex_lock(&checking) == 0);
    assert(pthread_mutex_timedlock(&checking, &invalid) == EDEADLK);
    assert(pthread_mutex_unlock(&checking) == 0);
}

static void fails_with(int result, int error)
{
    assert(result == -1 && errno == error);
}

static void semaphores(void)
{
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    fails_with(sem_timedwait(&semaphore, &invalid), EINVAL);
    fails_with(sem_clockwait(&semaphore, NO_CLOCK, &zero), EINVAL);
    assert(sem_timedwait(&semaphore, &past) == 0);
    fails_with(sem_timedwait(&semaphore, &past), ETIMEDOUT);
}

static void conditions(void)
{
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&mutex);
    assert(pthread_cond_timedwait(&condition, &mutex, &invalid) == EINVAL);
    assert(pthread_cond_clockwait(&condition, &mutex, CLOCK_BOOTTIME, &zero) == EINVAL);
    assert(pthread_cond_timedwait(&condition, &mutex, &past) == ETIMEDOUT);
    assert(pthread_mutex_trylock(&mutex) == EBUSY);
    pthread_mutex_unlock(&mutex);
}

static void *sleep_for_ever(void *unused)
{
    for (;;)
        sleep(1000);
    return unused;
}

static void joins(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
    assert(pthread_clockjoin_np(thread, NULL, NO_CLOCK, &zero) == EINVAL);
    assert(pthread_timedjoin_np(thread, NULL, &past) == ETIMEDOUT);
    pthread_cancel(thread);
    assert(pthread_timedjoin_np(thread, NULL, &invalid) == 0); /* waits as if there were no time */
}

static void sleeps(void)
{
    struct timespec now;
    fails_with(nanosleep(&invalid, NULL), EINVAL);
    fails_with(nanosleep(&past, NULL), EINVAL);
    assert(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &past, NULL) == EINVAL);
    assert(clock_nanosleep(NO_CLOCK, 0, &zero, NULL) == EINVAL);
    assert(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL) == EINVAL);
    assert(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &zero, NULL) == EOPNOTSUPP);
    assert(clock_nanosleep(CLOCK_BOOTTIME, 0, &zero, NULL) == 0);
    fails_with(clock_gettime(NO_CLOCK, &now), EINVAL);
}

int main(void)
{
    pthread_t thread;
    locks_that_are_free();
    pthread_mutex_lock(&mutex);
    pthread_rwlock_wrlock(&rwlock);
    pthread_create(&thread, NULL, locks_that_are_held, NULL);
    pthread_join(thread, NULL);
    pthread_rwlock_unlock(&rwlock);
    pthread_mutex_unlock(&mutex);
    pthread_create(&thread, NULL, return_at_once, NULL);
    pthread_join(thread, NULL);
    one_that_is_mine();
    semaphores();
    conditions();
    joins();
    sleeps();
    return 0;
}
