/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is written after the semaphore was posted that the reader waits for.
 *
 * Finding: data-race
 * Correct: before.
 */
#include "detectors/threads.h"
#include <semaphore.h>

static sem_t ready;
static int value;

static void writer(void)
{
    if (CORRECT)
        value = 1;
    sem_post(&ready);
    if (!CORRECT)
        value = 1;
}

static void reader(void)
{
    sem_wait(&ready);
    value++;
}

int main(void)
{
    sem_init(&ready, 0, 0);
    together(writer, reader);
    sem_destroy(&ready);
    return 0;
}
