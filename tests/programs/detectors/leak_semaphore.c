/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A semaphore on the stack is not destroyed.
 *
 * Finding: leak
 * Correct: it is.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdlib.h>

int main(void)
{
    sem_t semaphore;
    sem_init(&semaphore, 0, 1);
    sem_wait(&semaphore);
    if (CORRECT)
        sem_destroy(&semaphore);
    return 0;
}
