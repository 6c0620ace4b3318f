/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Philosophers whose forks are semaphores: each takes the left fork, then the right one, and all may hold the
 * left one.
 *
 * Class: dining philosophers
 * Finding: hang deadlock lost-wakeup
 * Sizes: 3 5
 * Correct: only all but one may sit at the table at a time.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 16 };

static int philosophers;
static sem_t forks[MOST], chairs;

static void *philosopher(void *argument)
{
    int seat = *(int *)argument;
    if (CORRECT)
        sem_wait(&chairs);
    sem_wait(&forks[seat]);
    sem_wait(&forks[(seat + 1) % philosophers]);
    sem_post(&forks[(seat + 1) % philosophers]);
    sem_post(&forks[seat]);
    if (CORRECT)
        sem_post(&chairs);
    return NULL;
}

int main(int argc, char **argv)
{
    static int seats[MOST];
    pthread_t threads[MOST];
    philosophers = argc > 1 ? atoi(argv[1]) : 3;
    sem_init(&chairs, 0, (unsigned)philosophers - 1);
    for (int i = 0; i < philosophers; i++) {
        seats[i] = i;
        sem_init(&forks[i], 0, 1);
    }
    for (int i = 0; i < philosophers; i++)
        pthread_create(&threads[i], NULL, philosopher, &seats[i]);
    for (int i = 0; i < philosophers; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
