/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A monitor inside a monitor: the wait gives up the inner lock only, and whoever would end the wait needs the
 * outer one.
 *
 * Class: nested monitor
 * Finding: hang deadlock lost-wakeup
 * Correct: the outer lock is not held across the wait.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t service = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t filled = PTHREAD_COND_INITIALIZER;
static int items, served;

static void take(void)
{
    pthread_mutex_lock(&queue);
    while (items == 0)
        pthread_cond_wait(&filled, &queue);
    items--;
    pthread_mutex_unlock(&queue);
}

static void *consumer(void *unused)
{
    (void)unused;
    if (CORRECT)
        take();
    pthread_mutex_lock(&service);
    if (!CORRECT)
        take();
    served++;
    pthread_mutex_unlock(&service);
    return NULL;
}

static void *producer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&service);
    pthread_mutex_lock(&queue);
    items++;
    pthread_cond_signal(&filled);
    pthread_mutex_unlock(&queue);
    pthread_mutex_unlock(&service);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, producer, NULL);
    pthread_create(&b, NULL, consumer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(served == 1);
    return 0;
}
