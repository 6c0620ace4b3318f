/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread that finds the semaphore taken leaves by the same way out as one that got it, and posts: from then
 * on two threads get in at a time.
 *
 * Class: semaphore misuse
 * Finding: assertion
 * Correct: only who got the semaphore posts.
 */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stddef.h>

enum { THREADS = 3 };

static sem_t guard;
static atomic_int inside;

static void *visitor(void *unused)
{
    (void)unused;
    if (sem_trywait(&guard) != 0) {
        if (CORRECT)
            return NULL;
    } else {
        assert(inside == 0);
        inside++;
        sched_yield();
        inside--;
    }
    sem_post(&guard);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    sem_init(&guard, 0, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, visitor, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
