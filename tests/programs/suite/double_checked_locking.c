/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The test before the lock sees that initialisation is done, because that is said before it is true.
 *
 * Class: lazy initialisation
 * Finding: assertion
 * Points: memory
 * Correct: it is said last.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool initialised;
static atomic_int limit;

static void initialise(void)
{
    if (!CORRECT)
        initialised = true;
    limit = 42;
    if (CORRECT)
        initialised = true;
}

static void *user(void *unused)
{
    (void)unused;
    if (!initialised) {
        pthread_mutex_lock(&mutex);
        if (!initialised)
            initialise();
        pthread_mutex_unlock(&mutex);
    }
    assert(limit == 42);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, user, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
