/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power-on and the clock. See machine.h.
 */
#include "harness/machine/machine.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <lockcheck.h>

#define NS_PER_S 1000000000u

/* There is one machine in a process: both are of it. Written by the main thread only. */
static bool powered_on;
static bool booted;

void machine_init(void)
{
    assert(!powered_on);
    powered_on = true;
}

void machine_boot_finished(void)
{
    assert(powered_on && !booted);
    booted = true;
    lockcheck_checkpoint();
}

uint64_t machine_now_ns(void)
{
    struct timespec now;
    int error = clock_gettime(CLOCK_MONOTONIC, &now);
    assert(error == 0);
    (void)error;
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

void machine_sleep_until_ns(uint64_t deadline_ns)
{
    const struct timespec deadline = timespec_of(deadline_ns);
    int error;
    do {
        error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
    } while (error == EINTR);
    assert(error == 0);
}

void machine_condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

void machine_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ns)
{
    const struct timespec until = timespec_of(until_ns);

    if (until_ns == MACHINE_NEVER)
        pthread_cond_wait(condition, lock);
    else
        pthread_cond_timedwait(condition, lock, &until);
}
