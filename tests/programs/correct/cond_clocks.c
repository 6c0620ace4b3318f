/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timed waits on condition variables of both clocks: a wait ends by its predicate, or not before its time. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>

struct box {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    clockid_t clock;
    int full;
};

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

static void init(struct box *box, clockid_t clock)
{
    pthread_condattr_t attributes;
    clockid_t back;
    assert(pthread_condattr_init(&attributes) == 0);
    assert(pthread_condattr_setclock(&attributes, clock) == 0);
    assert(pthread_condattr_getclock(&attributes, &back) == 0 && back == clock);
    assert(pthread_cond_init(&box->changed, &attributes) == 0);
    assert(pthread_condattr_destroy(&attributes) == 0);
    assert(pthread_mutex_init(&box->mutex, NULL) == 0);
    box->clock = clock;
    box->full = 0;
}

static void *producer(void *argument)
{
    struct box *box = argument;
    struct timespec pause = {0, 4000000};
    assert(nanosleep(&pause, NULL) == 0);
    assert(pthread_mutex_lock(&box->mutex) == 0);
    box->full = 1;
    assert(pthread_cond_signal(&box->changed) == 0);
    assert(pthread_mutex_unlock(&box->mutex) == 0);
    return NULL;
}

/* Wait in pieces of 3 ms until the box is full. */
static void consume(struct box *box, int other_clock)
{
    clockid_t clock = box->clock;
    if (other_clock)
        clock = clock == CLOCK_REALTIME ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    assert(pthread_mutex_lock(&box->mutex) == 0);
    while (!box->full) {
        struct timespec when = in_ms(clock, 3);
        int result = other_clock ? pthread_cond_clockwait(&box->changed, &box->mutex, clock, &when)
                                 : pthread_cond_timedwait(&box->changed, &box->mutex, &when);
        assert(result == 0 || result == ETIMEDOUT);
        assert(result == 0 || passed(clock, when));
    }
    box->full = 0;
    assert(pthread_mutex_unlock(&box->mutex) == 0);
}

int main(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    struct box box;
    pthread_t thread;

    for (int i = 0; i < 4; i++) {
        init(&box, clocks[i % 2]);
        assert(pthread_create(&thread, NULL, producer, &box) == 0);
        consume(&box, i / 2);
        assert(pthread_join(thread, NULL) == 0);

        struct timespec past = {1, 0}, invalid = {1, -1};
        assert(pthread_mutex_lock(&box.mutex) == 0);
        assert(pthread_cond_timedwait(&box.changed, &box.mutex, &past) == ETIMEDOUT);
        assert(pthread_cond_timedwait(&box.changed, &box.mutex, &invalid) == EINVAL);
        assert(pthread_mutex_unlock(&box.mutex) == 0);
        assert(pthread_cond_destroy(&box.changed) == 0);
        assert(pthread_mutex_destroy(&box.mutex) == 0);
    }
    return 0;
}
