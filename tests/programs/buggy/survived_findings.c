/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Findings that the program survives: it says itself that one of them is known. A word says what follows that
 * one: "nothing", "a hang", the same for "ever"; without a word, an unknown one if the threads come in that
 * order.
 */
#include <lockcheck.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define EVER 100

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int order, card;
static const char *what;

const char *lockcheck_default_suppressions(void)
{
    return "{\n  known\n  lockcheck:dma-fault\n  ...\n  fun:known_access\n}\n";
}

static int next(void)
{
    pthread_mutex_lock(&mutex);
    int mine = ++order;
    pthread_mutex_unlock(&mutex);
    return mine;
}

static void known_access(void)
{
    lockcheck_tell_of(&card, 1, "it was refused before");
    lockcheck_finding_survived(&card, "dma-fault", "the known access is refused");
}

static void *accessing(void *argument)
{
    for (int i = 0; i < (strcmp(what, "ever") == 0 ? EVER : 2); i++)
        known_access();
    next();
    return argument;
}

static void *following(void *argument)
{
    int mine = next();
    if (!*what && mine == 2)
        lockcheck_finding_survived(NULL, "dma-fault", "an unknown access is refused");
    pthread_mutex_lock(&mutex);
    while (strcmp(what, "a hang") == 0 && mine == 2)
        pthread_cond_wait(&never, &mutex);
    pthread_mutex_unlock(&mutex);
    return argument;
}

int main(int argc, char **argv)
{
    void *(*const functions[])(void *) = {accessing, following};
    pthread_t threads[2];
    what = argc > 1 ? argv[1] : "";
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, functions[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    puts("it went on to its end");
    return 0;
}
