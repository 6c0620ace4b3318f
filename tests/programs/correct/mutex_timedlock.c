/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A timed lock gives the mutex, or ETIMEDOUT not before its time; both clocks, past and invalid deadlines. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int inside;

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec when;
    assert(clock_gettime(clock, &when) == 0);
    when.tv_nsec += ms * 1000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

static int passed(clockid_t clock, struct timespec when)
{
    struct timespec now;
    assert(clock_gettime(clock, &now) == 0);
    return now.tv_sec > when.tv_sec || (now.tv_sec == when.tv_sec && now.tv_nsec >= when.tv_nsec);
}

static void *waits(void *argument)
{
    clockid_t clock = *(clockid_t *)argument;
    for (int i = 0; i < 2; i++) {
        struct timespec when = in_ms(clock, 5);
        int result = clock == CLOCK_REALTIME ? pthread_mutex_timedlock(&mutex, &when)
                                             : pthread_mutex_clocklock(&mutex, clock, &when);
        if (result == ETIMEDOUT) {
            assert(passed(clock, when));
            continue;
        }
        assert(result == 0 && ++inside == 1);
        struct timespec hold = {0, 3000000};
        assert(nanosleep(&hold, NULL) == 0);
        inside--;
        assert(pthread_mutex_unlock(&mutex) == 0);
    }
    return NULL;
}

static void *too_late(void *unused)
{
    (void)unused;
    struct timespec past = {1, 0}, invalid = {1, 1000000000};
    assert(pthread_mutex_timedlock(&mutex, &past) == ETIMEDOUT);
    assert(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &(struct timespec){0, 0}) == ETIMEDOUT);
    assert(pthread_mutex_timedlock(&mutex, &invalid) == EINVAL);
    return NULL;
}

int main(void)
{
    static clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_REALTIME};
    pthread_t threads[3], late;
    struct timespec past = {1, 0};

    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, waits, &clocks[i]) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);

    /* A free mutex is taken however late it is. */
    assert(pthread_mutex_timedlock(&mutex, &past) == 0);
    assert(pthread_create(&late, NULL, too_late, NULL) == 0);
    assert(pthread_join(late, NULL) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);
    return 0;
}
