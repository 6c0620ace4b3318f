/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device is stopped with its lock held, and the stop waits for the timer's handler to end, which waits for
 * the device's lock.
 *
 * Class: lock cycle through a wait
 * Finding: hang deadlock lost-wakeup
 * Correct: the lock is given up before the wait.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t device = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t timers = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t handler_ended = PTHREAD_COND_INITIALIZER;
static bool running, cancelled;
static int ticks;

static void *timer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&timers);
    running = !cancelled;
    pthread_mutex_unlock(&timers);
    if (!running)
        return NULL;
    pthread_mutex_lock(&device);
    ticks++;
    pthread_mutex_unlock(&device);
    pthread_mutex_lock(&timers);
    running = false;
    pthread_cond_broadcast(&handler_ended);
    pthread_mutex_unlock(&timers);
    return NULL;
}

static void cancel_and_wait(void)
{
    pthread_mutex_lock(&timers);
    cancelled = true;
    while (running)
        pthread_cond_wait(&handler_ended, &timers);
    pthread_mutex_unlock(&timers);
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, timer, NULL);
    pthread_mutex_lock(&device);
    ticks = 0;
    if (!CORRECT)
        cancel_and_wait();
    pthread_mutex_unlock(&device);
    if (CORRECT)
        cancel_and_wait();
    pthread_join(thread, NULL);
    return 0;
}
