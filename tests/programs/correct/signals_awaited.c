/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals that a thread asks for, as servers do: sigwait(), sigtimedwait(), sigsuspend(), pause(), and
 * signals to the whole program, which go to a thread that takes them.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#define VALUE 42

static sem_t handled;
static atomic_int handlers, done;
static pthread_t handling;

static void handler(int sig)
{
    (void)sig;
    handling = pthread_self();
    atomic_fetch_add(&handlers, 1);
    sem_post(&handled);
}

static sigset_t set_of(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

static void *wait_for_one(void *unused)
{
    sigset_t set = set_of(SIGUSR1);
    int sig;
    assert(sigwait(&set, &sig) == 0 && sig == SIGUSR1);
    return unused;
}

static void *wait_for_value(void *unused)
{
    sigset_t set = set_of(SIGUSR1);
    siginfo_t info;
    assert(sigwaitinfo(&set, &info) == SIGUSR1);
    assert(info.si_value.sival_int == VALUE && info.si_code == SI_QUEUE && info.si_pid == getpid());
    return unused;
}

static void *suspend(void *unused)
{
    sigset_t none;
    sigemptyset(&none);
    assert(sigsuspend(&none) == -1 && errno == EINTR);
    sigset_t now;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    assert(sigismember(&now, SIGUSR1)); /* as before */
    atomic_store(&done, 1);
    return unused;
}

static void *pause_until_done(void *unused)
{
    while (!atomic_load(&done))
        assert(pause() == -1 && errno == EINTR);
    return unused;
}

static pthread_t begin(void *(*function)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, function, NULL);
    return thread;
}

static void nobody_asks(void)
{
    sigset_t set = set_of(SIGUSR1);
    siginfo_t info;
    struct timespec soon = {.tv_nsec = 1000000}, invalid = {.tv_nsec = -1};
    assert(sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
    assert(sigtimedwait(&set, &info, &invalid) == -1 && errno == EINVAL);
    kill(getpid(), SIGUSR1); /* it waits for somebody who does */
    assert(sigtimedwait(&set, &info, &soon) == SIGUSR1 && info.si_signo == SIGUSR1);
    assert(sigtimedwait(&set, &info, &soon) == -1 && errno == EAGAIN);
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1);
    struct sigaction action = {.sa_handler = handler};
    sem_init(&handled, 0, 0);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    pthread_sigmask(SIG_BLOCK, &set, NULL);

    pthread_t thread = begin(wait_for_one);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    thread = begin(wait_for_one);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, NULL);
    thread = begin(wait_for_value);
    sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = VALUE});
    pthread_join(thread, NULL);
    nobody_asks();
    assert(atomic_load(&handlers) == 0);

    thread = begin(suspend);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    assert(atomic_load(&handlers) == 1);
    sem_wait(&handled);

    /* To all: this thread takes it, and has handled it when kill() is over. */
    kill(getpid(), SIGUSR2);
    assert(atomic_load(&handlers) == 2 && pthread_equal(handling, pthread_self()));

    atomic_store(&done, 0);
    thread = begin(pause_until_done);
    atomic_store(&done, 1);
    do
        pthread_kill(thread, SIGUSR2);
    while (pthread_tryjoin_np(thread, NULL) != 0 && usleep(1000) == 0);

    /* A thread that waits for good is cut off by the end of the program. */
    begin(wait_for_one);
    return 0;
}
