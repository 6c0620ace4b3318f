/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as lockcheck sees them: their whole names, which may be longer than what a pthread can have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <lockcheck.h>
#include <ddekit/thread.h>
#include "wrap.h"

ddekit_thread_t *WRAP(ddekit_thread_create)(void (*fun)(void *), void *arg, const char *name);
ddekit_thread_t *REAL(ddekit_thread_create)(void (*fun)(void *), void *arg, const char *name);
ddekit_thread_t *WRAP(ddekit_thread_setup_myself)(const char *name);
ddekit_thread_t *REAL(ddekit_thread_setup_myself)(const char *name);

struct start {
    void (*fun)(void *);
    void *arg;
    char name[DDEKIT_THREAD_NAME_MAX];
};

static void named_thread(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    lockcheck_name_thread(start.name);
    start.fun(start.arg);
}

ddekit_thread_t *WRAP(ddekit_thread_create)(void (*fun)(void *), void *arg, const char *name)
{
    struct start *start = malloc(sizeof *start);
    ddekit_thread_t *thread;

    if (!start)
        return NULL;
    start->fun = fun;
    start->arg = arg;
    snprintf(start->name, sizeof start->name, "%s", name);
    thread = REAL(ddekit_thread_create)(named_thread, start, name);
    if (!thread)
        free(start);
    return thread;
}

ddekit_thread_t *WRAP(ddekit_thread_setup_myself)(const char *name)
{
    lockcheck_name_thread(name);
    return REAL(ddekit_thread_setup_myself)(name);
}
