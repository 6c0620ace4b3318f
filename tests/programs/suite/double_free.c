/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads free what both think is theirs: the second free crashes.
 *
 * Class: check-then-act
 * Finding: crash assertion
 * Correct: who reads the pointer clears it in the same critical section.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *shared;

static void *release(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    char *mine = shared;
    if (CORRECT)
        shared = NULL;
    pthread_mutex_unlock(&mutex);
    if (!mine)
        return NULL;
    free(mine);
    pthread_mutex_lock(&mutex);
    shared = NULL;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    /* So large that the C library gives it back to the kernel: a second free always touches what is gone. */
    shared = malloc(1 << 20);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, release, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
