/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consumer waits for an item with the buffer's lock held, and the producer needs the lock to put one in.
 *
 * Class: semaphore misuse
 * Finding: hang deadlock lost-wakeup
 * Correct: the consumer waits first and locks then.
 */
#include <assert.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static pthread_mutex_t buffer = PTHREAD_MUTEX_INITIALIZER;
static sem_t items;
static int content;

static void *consumer(void *unused)
{
    (void)unused;
    if (CORRECT)
        sem_wait(&items);
    pthread_mutex_lock(&buffer);
    if (!CORRECT)
        sem_wait(&items);
    assert(content > 0);
    content--;
    pthread_mutex_unlock(&buffer);
    return NULL;
}

static void *producer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&buffer);
    content++;
    pthread_mutex_unlock(&buffer);
    sem_post(&items);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    sem_init(&items, 0, 0);
    pthread_create(&a, NULL, producer, NULL);
    pthread_create(&b, NULL, consumer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
