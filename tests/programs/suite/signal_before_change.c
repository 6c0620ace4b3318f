/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A waiter is woken first and the change that it waits for is made then: it looks, sees nothing, and sleeps
 * on.
 *
 * Class: lost signal
 * Finding: hang lost-wakeup
 * Correct: the change first.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool open;

static void *visitor(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    while (!open)
        pthread_cond_wait(&opened, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void change(void)
{
    pthread_mutex_lock(&mutex);
    open = true;
    pthread_mutex_unlock(&mutex);
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, visitor, NULL);
    if (CORRECT)
        change();
    pthread_cond_signal(&opened);
    if (!CORRECT)
        change();
    pthread_join(thread, NULL);
    return 0;
}
