/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A semaphore of the program's own, announced to lockcheck: its tokens are conserved, and nothing is found.
 */
#include "hand_made_semaphore.h"

#include <assert.h>

static struct semaphore semaphore;

static void *upper(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        up(&semaphore);
    return NULL;
}

static void *downer(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        while (down(&semaphore, i == 1 ? 2 : -1) != 0)
            ;
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    make(&semaphore);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i < 2 ? upper : downer, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert(semaphore.value == 0);
    return 0;
}
