/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that holds a mutex yields and lets it go for a moment, again and again, until another has taken it
 * that tries to and yields when that fails. A scheduler that lets threads run from yield to yield has it fail
 * each time; by chance it soon comes in between.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool done;

static void *hold_mostly(void *unused)
{
    for (bool over = false; !over;) {
        pthread_mutex_lock(&mutex);
        over = done;
        sched_yield();
        pthread_mutex_unlock(&mutex);
    }
    return unused;
}

int main(void)
{
    pthread_t thread;
    assert(pthread_create(&thread, NULL, hold_mostly, NULL) == 0);
    do
        sched_yield();
    while (pthread_mutex_trylock(&mutex));
    done = true;
    pthread_mutex_unlock(&mutex);
    assert(pthread_join(thread, NULL) == 0);
    return 0;
}
