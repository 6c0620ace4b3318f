/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A semaphore whose woken waiter takes its token without looking: two downs succeed on one up.
 *
 * Class: stolen wake-up
 * Finding: phantom-wakeup
 * Correct: a woken waiter looks whether there is a token.
 */
#define SEMAPHORE_DEFECT (CORRECT ? 0 : TRUSTS_WAKE)
#include "hand_made_semaphore.h"

#include <sched.h>

static struct semaphore semaphore;

static void *downer(void *unused)
{
    (void)unused;
    down(&semaphore, -1);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    make(&semaphore);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, downer, NULL);
    up(&semaphore);
    sched_yield();
    up(&semaphore);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
