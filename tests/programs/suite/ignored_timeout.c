/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread waits for its turn for a while and goes in whether it got it or not.
 *
 * Class: signal by time-out
 * Finding: assertion
 * Correct: it goes in only when it got its turn.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static sem_t turn;
static atomic_int inside;

static void *visitor(void *unused)
{
    (void)unused;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;
    if (sem_timedwait(&turn, &until) != 0 && CORRECT)
        return NULL;
    assert(inside == 0);
    inside++;
    nanosleep(&(struct timespec){0, 1000000}, NULL);
    inside--;
    sem_post(&turn);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&turn, 0, 1);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, visitor, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
