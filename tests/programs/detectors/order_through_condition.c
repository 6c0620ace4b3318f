/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that waits for a condition gives its mutex up, and takes it again while it holds another lock.
 *
 * Finding: lock-order
 * Correct: it holds no other lock.
 */
#include "detectors/threads.h"
#include <stdbool.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, other = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool done;

static void waits(void)
{
    pthread_mutex_lock(&mutex);
    if (!CORRECT)
        pthread_mutex_lock(&other);
    while (!done)
        pthread_cond_wait(&changed, &mutex);
    if (!CORRECT)
        pthread_mutex_unlock(&other);
    pthread_mutex_unlock(&mutex);
}

static void signals(void)
{
    pthread_mutex_lock(&mutex);
    done = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL); /* which orders nothing */
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&other);
    pthread_mutex_unlock(&other);
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    together(waits, signals);
    return 0;
}
