/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three philosophers each take the left fork first: a deadlock of three.
 *
 * Class: dining philosophers
 * Finding: deadlock
 * Detected: lock-order
 * Correct: one of them takes the right fork first.
 */
#include <pthread.h>
#include <stddef.h>

enum { PHILOSOPHERS = 3 };

static pthread_mutex_t forks[PHILOSOPHERS] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                              PTHREAD_MUTEX_INITIALIZER};

static void *philosopher(void *argument)
{
    int seat = *(int *)argument;
    int first = seat, second = (seat + 1) % PHILOSOPHERS;
    if (CORRECT && seat == 0) {
        first = 1;
        second = 0;
    }
    for (int meals = 0; meals < 3; meals++) {
        pthread_mutex_lock(&forks[first]);
        pthread_mutex_lock(&forks[second]);
        pthread_mutex_unlock(&forks[second]);
        pthread_mutex_unlock(&forks[first]);
    }
    return NULL;
}

int main(void)
{
    static int seats[PHILOSOPHERS] = {0, 1, 2};
    pthread_t threads[PHILOSOPHERS];
    for (int i = 0; i < PHILOSOPHERS; i++)
        pthread_create(&threads[i], NULL, philosopher, &seats[i]);
    for (int i = 0; i < PHILOSOPHERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
