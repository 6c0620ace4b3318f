/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for a pool to be idle waits for its queue to be empty: the last task is off the queue and not
 * done.
 *
 * Class: thread pool
 * Finding: assertion
 * Correct: a task that runs counts as well.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { TASKS = 2 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;
static int queued = TASKS, running, done;

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (queued > 0) {
        queued--;
        running++;
        pthread_cond_signal(&idle);
        pthread_mutex_unlock(&mutex);
        /* the task */
        pthread_mutex_lock(&mutex);
        running--;
        done++;
        pthread_cond_signal(&idle);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    pthread_mutex_lock(&mutex);
    while (queued > 0 || (CORRECT && running > 0))
        pthread_cond_wait(&idle, &mutex);
    assert(done == TASKS);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
