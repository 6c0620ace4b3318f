/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Detached threads, one after the other, write to a global variable without order.
 *
 * Finding: data-race
 * Correct: to a local one. Their stacks may be the same.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static int global[16];
static sem_t ended;

static void *touch(void *unused)
{
    int local[16] = {0}, *place = CORRECT ? local : global;
    sem_post(&ended);
    for (int i = 0; i < 16; i++)
        place[i]++;
    __asm__ volatile("" : : "r"(place) : "memory");
    return unused;
}

int main(void)
{
    sem_init(&ended, 0, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 8; i++) {
        pthread_t thread;
        pthread_create(&thread, &attributes, touch, NULL);
        sem_wait(&ended);
    }
    return 0;
}
