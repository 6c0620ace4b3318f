/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A program with two defects, of which it says itself that one is known. */
#include <lockcheck.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int order;

const char *lockcheck_default_suppressions(void)
{
    return "# both read order without holding the mutex from one look to the next\n"
           "{\n  the known defect\n  lockcheck:assertion\n  ...\n  fun:known_defect\n}\n"
           "{\n  one of old\n  lockcheck:assertion\n  fun:gone_since\n}\n";
}

static int next(void)
{
    pthread_mutex_lock(&mutex);
    int mine = ++order;
    pthread_mutex_unlock(&mutex);
    return mine;
}

static void known_defect(void)
{
    if (next() != 1)
        lockcheck_finding("assertion", "the first was not the first");
}

static void new_defect(void)
{
    if (next() == 3)
        lockcheck_finding("assertion", "the second was the last");
}

static void *first(void *argument)
{
    known_defect();
    return argument;
}

static void *second(void *argument)
{
    new_defect();
    return argument;
}

static void *third(void *argument)
{
    next();
    return argument;
}

int main(void)
{
    void *(*const functions[])(void *) = {first, second, third};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, functions[i], NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
