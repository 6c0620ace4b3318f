/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread raises and lowers a flag in turn, until another has seen it raised. A scheduler that lets the one
 * run from yield to yield never shows it to the other, and everything is as it was each time round; by chance
 * it is soon seen.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool raised, seen;

/* Returns whether the other has seen the flag. */
static bool set_flag(bool value)
{
    pthread_mutex_lock(&mutex);
    raised = value;
    bool result = seen;
    pthread_mutex_unlock(&mutex);
    return result;
}

static void *wave(void *unused)
{
    while (!set_flag(true) && !set_flag(false))
        sched_yield();
    return unused;
}

static bool look(void)
{
    pthread_mutex_lock(&mutex);
    seen = raised;
    bool result = seen;
    pthread_mutex_unlock(&mutex);
    return result;
}

int main(void)
{
    pthread_t thread;
    assert(pthread_create(&thread, NULL, wave, NULL) == 0);
    while (!look())
        sched_yield();
    assert(pthread_join(thread, NULL) == 0 && seen);
    return 0;
}
