/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread that waits by yielding, and one that waits by sleeping, both see the flag in the end. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int flag;

static void *by_yielding(void *unused)
{
    (void)unused;
    while (!flag)
        sched_yield();
    return NULL;
}

static void *by_sleeping(void *unused)
{
    (void)unused;
    while (!flag)
        usleep(100);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    assert(pthread_create(&a, NULL, by_yielding, NULL) == 0);
    assert(pthread_create(&b, NULL, by_sleeping, NULL) == 0);
    usleep(300);
    flag = 1;
    assert(pthread_join(a, NULL) == 0);
    assert(pthread_join(b, NULL) == 0);
    return 0;
}
