/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A value is set in two stages, each under its own lock: a reader that comes between sees the first stage
 * without the second. The size is the number of readers, and each of them must come after the first stage.
 *
 * Class: two-stage
 * Finding: assertion
 * Sizes: 1 4 8
 * Correct: the first lock is held over both stages.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

enum { MOST = 16 };

static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER, second_lock = PTHREAD_MUTEX_INITIALIZER;
static int first, second;
static int early, readers; /* readers that saw the first stage only; under second_lock */

static void *writer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&first_lock);
    first = 1;
    if (!CORRECT)
        pthread_mutex_unlock(&first_lock);
    pthread_mutex_lock(&second_lock);
    second = first + 1;
    pthread_mutex_unlock(&second_lock);
    if (CORRECT)
        pthread_mutex_unlock(&first_lock);
    return NULL;
}

static void *reader(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&first_lock);
    int seen = first;
    pthread_mutex_unlock(&first_lock);
    if (seen == 0)
        return NULL;
    pthread_mutex_lock(&second_lock);
    early += second != seen + 1;
    assert(early < readers);
    pthread_mutex_unlock(&second_lock);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST + 1];
    readers = argc > 1 ? atoi(argv[1]) : 1;
    for (int i = 0; i < readers; i++)
        pthread_create(&threads[i], NULL, reader, NULL);
    pthread_create(&threads[readers], NULL, writer, NULL);
    for (int i = 0; i <= readers; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
