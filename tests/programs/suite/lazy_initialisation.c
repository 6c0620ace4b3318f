/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads find that the thing is not there yet, and both make it.
 *
 * Class: lazy initialisation
 * Finding: assertion
 * Correct: who is about to put its own in looks again, under the lock.
 */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int *instance;
static int *seen[2];

static int *get(void)
{
    pthread_mutex_lock(&mutex);
    int *found = instance;
    pthread_mutex_unlock(&mutex);
    if (found)
        return found;
    int *made = malloc(sizeof *made);
    pthread_mutex_lock(&mutex);
    if (CORRECT && instance)
        free(made);
    else
        instance = made;
    found = instance;
    pthread_mutex_unlock(&mutex);
    return found;
}

static void *user(void *argument)
{
    *(int **)argument = get();
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, user, &seen[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(seen[0] == seen[1]);
    free(instance);
    return 0;
}
