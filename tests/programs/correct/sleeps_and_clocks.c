/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sleeps last at least their time, on every clock and through every call; clocks agree and never run
 * backwards. An hour asleep costs an hour natively, so long sleeps are left to a program under lockcheck:
 * given an argument, this one sleeps for a day.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock)
{
    struct timespec time;
    assert(clock_gettime(clock, &time) == 0);
    assert(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void *sleeper(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        long long before = now(CLOCK_MONOTONIC);
        struct timespec pause = {0, 1000000};
        assert(nanosleep(&pause, NULL) == 0);
        long long between = now(CLOCK_MONOTONIC);
        assert(between >= before + 1000000);
        assert(usleep(500) == 0);
        assert(now(CLOCK_MONOTONIC) >= between + 500000);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[2];
    (void)argv;
    for (int i = 0; i < 2; i++)
        assert(pthread_create(&threads[i], NULL, sleeper, NULL) == 0);

    long long monotonic = now(CLOCK_MONOTONIC), real = now(CLOCK_REALTIME);
    struct timespec when = {(monotonic + 2000000) / 1000000000, (monotonic + 2000000) % 1000000000};
    assert(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == 0);
    assert(now(CLOCK_MONOTONIC) >= monotonic + 2000000);
    assert(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == 0);
    assert(clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){0, 1000000}, NULL) == 0);
    assert(now(CLOCK_REALTIME) >= real + 3000000);
    assert(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){0, 1000000000}, NULL) == EINVAL);
    assert(nanosleep(&(struct timespec){-1, 0}, NULL) == -1 && errno == EINVAL);

    struct timeval of_day;
    time_t seconds = time(NULL);
    assert(gettimeofday(&of_day, NULL) == 0 && of_day.tv_sec >= seconds);
    assert(now(CLOCK_REALTIME) >= of_day.tv_sec * 1000000000ll + of_day.tv_usec * 1000ll);
    struct timespec resolution;
    assert(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec > 0);

    if (argc > 1) {
        monotonic = now(CLOCK_MONOTONIC);
        assert(sleep(86400) == 0);
        assert(now(CLOCK_MONOTONIC) >= monotonic + 86400 * 1000000000ll);
    }
    for (int i = 0; i < 2; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    return 0;
}
