/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A consumer says that it sleeps after it has looked for work, and a producer wakes it only when it says so:
 * work that comes between the two wakes nobody.
 *
 * Class: lost signal
 * Finding: hang lost-wakeup
 * Points: memory
 * Correct: the consumer says so first and looks then.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static atomic_int items;
static atomic_bool asleep;
static sem_t wake;

static void *consumer(void *unused)
{
    (void)unused;
    if (CORRECT) {
        asleep = true;
        /* Whoever takes the flag back decides: the consumer needs no wake-up, or the producer sends one. */
        if (items == 0 || !atomic_exchange(&asleep, false))
            sem_wait(&wake);
    } else if (items == 0) {
        asleep = true;
        sem_wait(&wake);
    }
    items--;
    return NULL;
}

static void *producer(void *unused)
{
    (void)unused;
    items++;
    if (atomic_exchange(&asleep, false))
        sem_post(&wake);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    sem_init(&wake, 0, 0);
    pthread_create(&a, NULL, consumer, NULL);
    pthread_create(&b, NULL, producer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
