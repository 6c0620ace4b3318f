/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program that reports a finding of its own kind to lockcheck, in the schedules where it sees the fault. */
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int owner;

static void *worker(void *argument)
{
    pthread_mutex_lock(&mutex);
    owner = *(int *)argument;
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
    if (owner != *(int *)argument)
        lockcheck_finding("leak", "the first owner's buffer was never given back");
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    static int numbers[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
