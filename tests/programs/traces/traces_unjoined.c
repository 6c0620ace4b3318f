/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main thread does not wait for the other, which takes a lock once. The process ends before its first
 * step, or after one of its four: start, lock, unlock, exit. Traces: 5. */
#include "traces/threads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *lock(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, lock, NULL);
}
