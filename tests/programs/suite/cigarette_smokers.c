/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Three smokers each have one thing and need the other two, of which an agent puts a pair on the table: a
 * smoker that takes one of them and waits for what is not there keeps it from the one who could smoke.
 *
 * Class: semaphore misuse
 * Finding: hang lost-wakeup
 * Correct: a smoker takes both or none.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum thing { TOBACCO, PAPER, MATCH, THINGS };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool table[THINGS];
static int smoked;

static void *smoker(void *argument)
{
    enum thing own = *(enum thing *)argument;
    enum thing first = (own + 1) % THINGS, second = (own + 2) % THINGS;
    pthread_mutex_lock(&mutex);
    while (!table[first] || (CORRECT && !table[second]))
        pthread_cond_wait(&changed, &mutex);
    table[first] = false;
    while (!table[second])
        pthread_cond_wait(&changed, &mutex);
    table[second] = false;
    smoked++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(void)
{
    static enum thing things[THINGS] = {TOBACCO, PAPER, MATCH};
    pthread_t threads[THINGS];
    for (int i = 0; i < THINGS; i++)
        pthread_create(&threads[i], NULL, smoker, &things[i]);
    for (int i = 0; i < THINGS; i++) {
        pthread_mutex_lock(&mutex);
        for (int k = 0; k < THINGS; k++)
            table[k] = k != i;
        pthread_cond_broadcast(&changed);
        while (smoked == i)
            pthread_cond_wait(&changed, &mutex);
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 0; i < THINGS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
