/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread makes a block larger while another one reads it.
 *
 * Finding: data-race
 * Correct: after it has joined the other one.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

static void *reads(void *block)
{
    return (void *)(size_t)((volatile char *)block)[8];
}

int main(void)
{
    pthread_t thread;
    char *block = calloc(1, 64);
    pthread_create(&thread, NULL, reads, block);
    if (CORRECT)
        pthread_join(thread, NULL);
    block = realloc(block, 100000);
    block[8] = 2;
    if (!CORRECT)
        pthread_join(thread, NULL);
    free(block);
    return 0;
}
