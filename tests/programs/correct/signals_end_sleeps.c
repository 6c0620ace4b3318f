/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A signal's handler ends sleeps with EINTR and what is left of them, whether it has SA_RESTART or not, and
 * so it ends timed waits for a semaphore; waits without a time only where it has not.
 */
#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define FOR_EVER 10000000000 /* seconds: more than lockcheck's clocks have, so this time never comes */
#define LONG 1000            /* seconds: this one may come before the signal */

static sem_t never, begun;
static int word;
static atomic_int handled, waits_on;

static void handler(int sig)
{
    (void)sig;
    atomic_fetch_add(&handled, 1);
}

static void is_rest(struct timespec left)
{
    assert(left.tv_sec > FOR_EVER / 2 && left.tv_sec <= FOR_EVER);
}

static int sleep_in(int way)
{
    struct timespec time = {.tv_sec = FOR_EVER}, left = {0};
    switch (way) {
    case 0:
        if (nanosleep(&time, &left) == 0)
            return 0;
        is_rest(left);
        return errno;
    case 1: {
        int error = clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left);
        if (error)
            is_rest(left);
        return error;
    }
    case 2:
        return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
    case 3:
        return usleep(LONG * 1000000u) == 0 ? EINTR : errno;
    case 4: {
        assert(sleep(LONG) <= LONG);
        return EINTR;
    }
    case 5:
        return thrd_sleep(&time, NULL) == -1 ? EINTR : 0;
    case 6:
        return poll(NULL, 0, -1) == 0 ? 0 : errno;
    default:
        return select(0, NULL, NULL, NULL, NULL) == 0 ? 0 : errno;
    }
}

static void *sleeper(void *way)
{
    sem_post(&begun);
    int error = sleep_in((int)(intptr_t)way);
    assert(error == EINTR);
    atomic_store(&waits_on, 0);
    return NULL;
}

static void *timed_waiter(void *unused)
{
    struct timespec until = {.tv_sec = FOR_EVER};
    sem_post(&begun);
    assert(sem_timedwait(&never, &until) == -1 && errno == EINTR);
    atomic_store(&waits_on, 0);
    return unused;
}

static void *waiter(void *restarts)
{
    sem_post(&begun);
    int result = sem_wait(&never);
    assert(restarts ? result == 0 : result == -1 && errno == EINTR);
    atomic_store(&waits_on, 0);
    return NULL;
}

static void *futex_waiter(void *restarts)
{
    sem_post(&begun);
    long result = syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    assert(result == -1 && errno == (restarts ? EAGAIN : EINTR));
    atomic_store(&waits_on, 0);
    return NULL;
}

static void handle(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(SIGUSR1, &action, NULL);
}

/* The signal may come before the thread waits; then it takes another one. */
static void signal_until_it_ends(pthread_t thread)
{
    while (atomic_load(&waits_on)) {
        pthread_kill(thread, SIGUSR1);
        usleep(10000);
    }
    pthread_join(thread, NULL);
}

static pthread_t begin(void *(*function)(void *), intptr_t argument)
{
    pthread_t thread;
    atomic_store(&waits_on, 1);
    pthread_create(&thread, NULL, function, (void *)argument);
    sem_wait(&begun);
    return thread;
}

int main(void)
{
    pthread_t thread;
    sem_init(&never, 0, 0);
    sem_init(&begun, 0, 0);
    for (intptr_t way = 0; way < 8; way++) {
        handle(way % 2 ? SA_RESTART : 0);
        signal_until_it_ends(begin(sleeper, way));
    }
    handle(0);
    signal_until_it_ends(begin(waiter, 0));
    signal_until_it_ends(begin(futex_waiter, 0));

    handle(SA_RESTART);
    signal_until_it_ends(begin(timed_waiter, 0));
    thread = begin(waiter, 1);
    pthread_kill(thread, SIGUSR1);
    usleep(10000);
    sem_post(&never);
    pthread_join(thread, NULL);
    thread = begin(futex_waiter, 1);
    usleep(10000);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    signal_until_it_ends(thread);
    assert(atomic_load(&handled) >= 9);
    return 0;
}
