/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads take their own lock, try the other's, and when that fails give all up and begin anew, in step with each
 * other. Correct: both begin with the same lock, and wait for it.
 */
#include <pthread.h>
#include <sched.h>
#include <stddef.h>

static pthread_mutex_t left = PTHREAD_MUTEX_INITIALIZER, right = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t step;

static void in_step(void)
{
    if (!CORRECT)
        pthread_barrier_wait(&step);
}

static void *take_both(void *own)
{
    pthread_mutex_t *first = CORRECT ? &left : own, *second = first == &left ? &right : &left;
    for (;;) {
        pthread_mutex_lock(first);
        in_step();
        int busy = pthread_mutex_trylock(second);
        in_step();
        if (!busy)
            break;
        pthread_mutex_unlock(first);
        sched_yield();
    }
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    pthread_barrier_init(&step, NULL, 2);
    pthread_create(&threads[0], NULL, take_both, &left);
    pthread_create(&threads[1], NULL, take_both, &right);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    return 0;
}
