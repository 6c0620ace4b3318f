/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A request lives on its maker's stack. The maker that gives up takes the request off the list and returns,
 * although the worker may have it in hand already.
 *
 * Class: signal by time-out
 * Finding: assertion
 * Detected: data-race
 * Correct: a maker that finds its request taken waits for the worker to be done with it.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct request {
    bool alive;
    sem_t done;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct request *pending;
static struct request frame; /* stands for the stack frame, so that what is left in it is certain */

static void request(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1;

    frame.alive = true;
    sem_init(&frame.done, 0, 0);
    pthread_mutex_lock(&mutex);
    pending = &frame;
    pthread_mutex_unlock(&mutex);
    if (sem_timedwait(&frame.done, &until) != 0) {
        pthread_mutex_lock(&mutex);
        bool withdrawn = pending != NULL;
        pending = NULL;
        pthread_mutex_unlock(&mutex);
        if (CORRECT && !withdrawn)
            sem_wait(&frame.done);
    }
    frame.alive = false;
}

static void *worker(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    struct request *request = pending;
    pending = NULL;
    pthread_mutex_unlock(&mutex);
    if (!request)
        return NULL;
    nanosleep(&(struct timespec){0, 1000000}, NULL); /* the work */
    assert(request->alive);
    sem_post(&request->done);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, worker, NULL);
    request();
    pthread_join(thread, NULL);
    return 0;
}
