/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads hand over to each other so often as asked, and the time of one hand-over is written to FILE in
 * ns.
 *
 *   handover sem COUNT FILE       with two semaphores, both threads on one processor
 *   handover sem-any COUNT FILE   with two semaphores, wherever the kernel puts the threads
 *   handover yield COUNT FILE     with sched_yield(), on one processor
 *
 * Time is the kernel's own, asked for directly, since the C library's clocks are virtual under lockcheck.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

static sem_t turns[2];
static long count;
static int by_yielding;
static pthread_barrier_t start;

static double real_ns(void)
{
    struct timespec now;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_clock_gettime), "D"((long)CLOCK_MONOTONIC), "S"(&now)
                     : "rcx", "r11", "memory");
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void *player(void *argument)
{
    int me = *(int *)argument;
    pthread_barrier_wait(&start);
    for (long i = 0; i < count; i++) {
        if (by_yielding) {
            sched_yield();
        } else {
            sem_wait(&turns[me]);
            sem_post(&turns[1 - me]);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static int numbers[2] = {0, 1};
    pthread_t threads[2];
    if (argc != 4 || (count = atol(argv[2])) <= 0) {
        fprintf(stderr, "usage: handover sem|sem-any|yield COUNT FILE\n");
        return 2;
    }
    by_yielding = strcmp(argv[1], "yield") == 0;

    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (strcmp(argv[1], "sem-any") != 0)
        sched_setaffinity(0, sizeof one, &one);

    sem_init(&turns[0], 0, 1);
    sem_init(&turns[1], 0, 0);
    pthread_barrier_init(&start, NULL, 3);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, player, &numbers[i]);
    pthread_barrier_wait(&start);
    double begin = real_ns();
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    double ns = (real_ns() - begin) / ((double)count * 2);

    FILE *file = fopen(argv[3], "w");
    if (!file || fprintf(file, "%.2f\n", ns) < 0 || fclose(file) != 0) {
        perror(argv[3]);
        return 2;
    }
    return 0;
}
