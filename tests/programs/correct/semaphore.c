/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POSIX semaphores: a token for each post and no more, in the waiting, trying and timed forms, on both
 * clocks. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

enum { TOKENS = 4 };

static sem_t tokens, finished;
static atomic_int taken;

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec when;
    assert(clock_gettime(clock, &when) == 0);
    when.tv_nsec += ms * 1000000;
    when.tv_sec += when.tv_nsec / 1000000000;
    when.tv_nsec %= 1000000000;
    return when;
}

static void *poster(void *unused)
{
    (void)unused;
    for (int i = 0; i < TOKENS; i++)
        assert(sem_post(&tokens) == 0);
    return NULL;
}

static void *timed(void *argument)
{
    clockid_t clock = *(clockid_t *)argument;
    for (int i = 0; i < 2; i++) {
        struct timespec when = in_ms(clock, 2);
        int result =
            clock == CLOCK_REALTIME ? sem_timedwait(&tokens, &when) : sem_clockwait(&tokens, clock, &when);
        if (result == 0)
            taken++;
        else
            assert(result == -1 && errno == ETIMEDOUT);
    }
    assert(sem_post(&finished) == 0);
    return NULL;
}

int main(void)
{
    static clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    pthread_t threads[3];
    int value;

    assert(sem_init(&tokens, 0, 0) == 0 && sem_init(&finished, 0, 0) == 0);
    assert(sem_trywait(&tokens) == -1 && errno == EAGAIN);
    assert(pthread_create(&threads[0], NULL, poster, NULL) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_create(&threads[1 + i], NULL, timed, &clocks[i]) == 0);
    for (int i = 0; i < 2; i++)
        assert(sem_wait(&finished) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);

    assert(sem_getvalue(&tokens, &value) == 0 && value == TOKENS - taken);
    while (sem_trywait(&tokens) == 0)
        taken++;
    assert(errno == EAGAIN && taken == TOKENS);

    struct timespec past = {1, 0}, invalid = {1, 1000000000};
    assert(sem_timedwait(&tokens, &past) == -1 && errno == ETIMEDOUT);
    assert(sem_timedwait(&tokens, &invalid) == -1 && errno == EINVAL);
    assert(sem_post(&tokens) == 0);
    assert(sem_timedwait(&tokens, &past) == 0);
    assert(sem_destroy(&tokens) == 0 && sem_destroy(&finished) == 0);
    return 0;
}
