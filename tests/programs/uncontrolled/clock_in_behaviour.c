/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the program does depends on the processor's time stamp counter: its executions do not replay. */
#include <pthread.h>
#include <stddef.h>
#include <x86intrin.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *worker(void *unused)
{
    (void)unused;
    /* Enough bits that two runs of one schedule do not agree by chance. */
    unsigned rounds = (unsigned)(__rdtsc() >> 4) % 1000;
    for (unsigned i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
    }
    /* Taken twice: a self-deadlock, so that there is a finding to replay. */
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    pthread_join(thread, NULL);
    return 0;
}
