/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reference count is decremented under the lock and looked at under the lock, but not at once: two who give
 * up the last two references both see none left.
 *
 * Class: atomicity violation
 * Finding: assertion
 * Correct: one critical section decrements and looks.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int references = 2;
static int destroyed;

static bool drop(void)
{
    pthread_mutex_lock(&mutex);
    references--;
    if (!CORRECT) {
        pthread_mutex_unlock(&mutex);
        pthread_mutex_lock(&mutex);
    }
    bool last = references == 0;
    pthread_mutex_unlock(&mutex);
    return last;
}

static void *user(void *unused)
{
    (void)unused;
    if (drop()) {
        pthread_mutex_lock(&mutex);
        destroyed++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, user, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(destroyed == 1);
    return 0;
}
