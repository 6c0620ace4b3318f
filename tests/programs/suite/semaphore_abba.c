/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy needs the scanner and the printer, each a semaphore of one: two threads take them in opposite
 * orders.
 *
 * Class: ABBA
 * Finding: hang deadlock lost-wakeup
 * Correct: both take the scanner first.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static sem_t scanner, printer;

static void copy(sem_t *first, sem_t *second)
{
    sem_wait(first);
    sem_wait(second);
    sem_post(second);
    sem_post(first);
}

static void *scans_first(void *unused)
{
    (void)unused;
    copy(&scanner, &printer);
    return NULL;
}

static void *prints_first(void *unused)
{
    (void)unused;
    if (CORRECT)
        copy(&scanner, &printer);
    else
        copy(&printer, &scanner);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    sem_init(&scanner, 0, 1);
    sem_init(&printer, 0, 1);
    pthread_create(&a, NULL, scans_first, NULL);
    pthread_create(&b, NULL, prints_first, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
