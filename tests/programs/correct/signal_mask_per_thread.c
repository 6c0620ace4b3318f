/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The signal mask is each thread's own and inherited by its children; raise() reaches the raising thread. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>

static _Thread_local volatile sig_atomic_t heard;

static void hear(int signal)
{
    (void)signal;
    heard++;
}

static int blocked(int signal)
{
    sigset_t mask;
    assert(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    return sigismember(&mask, signal);
}

static void *worker(void *argument)
{
    int block = *(int *)argument;
    sigset_t set;
    assert(blocked(SIGUSR2));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    assert(pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        sched_yield();
        assert(blocked(SIGUSR1) == block);
    }
    raise(SIGUSR1);
    assert(heard == !block);
    if (block) {
        assert(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
        assert(heard == 1);
    }
    return NULL;
}

int main(void)
{
    static int block[2] = {0, 1};
    pthread_t threads[2];
    struct sigaction action = {.sa_handler = hear};
    sigset_t set;
    assert(sigaction(SIGUSR1, &action, NULL) == 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    assert(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_create(&threads[i], NULL, worker, &block[i]) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(!blocked(SIGUSR1) && heard == 0);
    return 0;
}
