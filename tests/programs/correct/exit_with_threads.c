/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main returns while threads still wait for ever: that ends the process, and is no hang. */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <unistd.h>

static sem_t never;

static void *waits_for_ever(void *unused)
{
    (void)unused;
    sem_wait(&never);
    return NULL;
}

static void *sleeps_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        sleep(3600);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    assert(sem_init(&never, 0, 0) == 0);
    assert(pthread_create(&thread, NULL, waits_for_ever, NULL) == 0);
    assert(pthread_create(&thread, NULL, sleeps_for_ever, NULL) == 0);
    usleep(1000);
    return 0;
}
