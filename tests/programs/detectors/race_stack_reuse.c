/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread writes to another one's local variable.
 *
 * Finding: data-race
 * Correct: to its own. Stacks are used again by later threads, which is no race.
 */
#include <pthread.h>
#include <stddef.h>

static void *touch(void *given)
{
    int own[64] = {0};
    int *place = CORRECT ? own : given;
    for (int i = 0; i < 64; i++)
        place[i]++;
    __asm__ volatile("" : : "r"(place) : "memory");
    return NULL;
}

static void *makes_threads(void *unused)
{
    int local[64] = {0};
    for (int i = 0; i < 3; i++) {
        pthread_t threads[2];
        for (int k = 0; k < 2; k++)
            pthread_create(&threads[k], NULL, touch, local);
        for (int k = 0; k < 2; k++)
            pthread_join(threads[k], NULL);
    }
    return unused;
}

int main(void)
{
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, makes_threads, NULL);
        pthread_join(thread, NULL);
    }
    return 0;
}
