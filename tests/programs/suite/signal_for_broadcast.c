/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two kinds of waiters share a condition variable that is signalled, not broadcast: the wrong one may wake.
 *
 * Class: missed broadcast
 * Finding: hang lost-wakeup
 * Correct: it is broadcast.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int stage;

static void tell(void)
{
    if (CORRECT)
        pthread_cond_broadcast(&changed);
    else
        pthread_cond_signal(&changed);
}

static void *stage_waiter(void *argument)
{
    int mine = *(int *)argument;
    pthread_mutex_lock(&mutex);
    while (stage != mine)
        pthread_cond_wait(&changed, &mutex);
    stage++;
    tell();
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    static int stages[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, stage_waiter, &stages[i]);
    pthread_mutex_lock(&mutex);
    stage = 1;
    tell();
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
