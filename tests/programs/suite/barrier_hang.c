/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One of three threads gives up when it finds the door closed, and the barrier waits for it for ever.
 *
 * Class: barrier
 * Finding: hang lost-wakeup
 * Correct: it waits for the door.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_barrier_t barrier;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;

static void *guest(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_mutex_lock(&door);
    else if (pthread_mutex_trylock(&door) != 0)
        return NULL;
    pthread_mutex_unlock(&door);
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, guest, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
