/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread unlocks a mutex that another one holds.
 *
 * Finding: lock-misuse
 * Correct: its holder unlocks it.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *unlock(void *unused)
{
    (void)unused;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    pthread_t thread;
    pthread_mutex_lock(&mutex);
    pthread_create(&thread, NULL, CORRECT ? nothing : unlock, NULL);
    pthread_join(thread, NULL);
    if (CORRECT)
        unlock(NULL);
    return 0;
}
