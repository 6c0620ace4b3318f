/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads wait for one condition variable with a mutex each.
 *
 * Finding: lock-misuse
 * Correct: with the same one.
 */
#include "detectors/threads.h"
#include <stdbool.h>
#include <time.h>

static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void wait_with(pthread_mutex_t *mutex)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(mutex);
    pthread_cond_timedwait(&changed, mutex, &until);
    pthread_mutex_unlock(mutex);
}

static void one(void)
{
    wait_with(&mutexes[0]);
}

static void other(void)
{
    wait_with(&mutexes[CORRECT ? 0 : 1]);
}

int main(void)
{
    together(one, other);
    return 0;
}
