/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread tries again and again, with a pause, to take a lock whose holder waits for what only that thread would do.
 * Correct: the holder gives the lock up first.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t held, done;

static void *hold(void *unused)
{
    pthread_mutex_lock(&mutex);
    sem_post(&held);
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
    sem_wait(&done);
    if (!CORRECT)
        pthread_mutex_unlock(&mutex);
    return unused;
}

static void *retry(void *unused)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    sem_wait(&held);
    while (pthread_mutex_trylock(&mutex))
        nanosleep(&pause, NULL);
    pthread_mutex_unlock(&mutex);
    sem_post(&done);
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&held, 0, 0);
    sem_init(&done, 0, 0);
    pthread_create(&threads[0], NULL, hold, NULL);
    pthread_create(&threads[1], NULL, retry, NULL);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
