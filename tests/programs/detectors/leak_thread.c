/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread is neither joined nor detached.
 *
 * Finding: leak
 * Correct: it is joined.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

static void *work(void *unused)
{
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    if (CORRECT)
        pthread_join(thread, NULL);
    return 0;
}
