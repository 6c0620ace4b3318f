/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An early return forgets the unlock: the next thread waits for a thread that has ended.
 *
 * Class: missing unlock
 * Finding: deadlock hang lost-wakeup
 * Correct: it unlocks on that way out too.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int value;

static void *visitor(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (++value == 2) {
        if (CORRECT)
            pthread_mutex_unlock(&mutex);
        return NULL;
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, visitor, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
