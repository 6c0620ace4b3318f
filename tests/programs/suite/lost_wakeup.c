/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A semaphore that hands its token to a waiter who is just giving up: the token is lost, the next down waits.
 *
 * Class: signal by time-out
 * Finding: lost-wakeup
 * Correct: an up always leaves its token, and a down looks for it once more when its time is over.
 */
#define SEMAPHORE_DEFECT (CORRECT ? 0 : FORGETS_UP)
#include "hand_made_semaphore.h"

static struct semaphore semaphore;

static void *downer(void *unused)
{
    (void)unused;
    while (down(&semaphore, 2) != 0)
        ;
    down(&semaphore, -1);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    make(&semaphore);
    pthread_create(&thread, NULL, downer, NULL);
    up(&semaphore);
    up(&semaphore);
    pthread_join(thread, NULL);
    return 0;
}
