/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is handed over with a condition variable and a flag; the flag is read without the mutex.
 *
 * Finding: data-race
 * Correct: with it.
 */
#include "detectors/threads.h"
#include <stdbool.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool given;
static int value;

static void giver(void)
{
    value = 1;
    pthread_mutex_lock(&mutex);
    given = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex);
}

static void taker(void)
{
    if (!CORRECT && given) {
        value++;
        return;
    }
    pthread_mutex_lock(&mutex);
    while (!given)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    value++;
}

int main(void)
{
    together(giver, taker);
    return 0;
}
