/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader copies a structure while a writer is between two of its members; the copy is made by memcpy(), or
 * by the compiler.
 *
 * Correct: under a mutex.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct route {
    long network, gateway;
    char names[48];
    long check;
};

static struct route route;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void enter(void)
{
    if (CORRECT)
        pthread_mutex_lock(&mutex);
}

static void leave(void)
{
    if (CORRECT)
        pthread_mutex_unlock(&mutex);
}

static void *writer(void *unused)
{
    (void)unused;
    for (int i = 1; i <= 2; i++) {
        enter();
        route.network = i;
        memset(route.names, 'a' + i, sizeof route.names);
        route.gateway = i;
        route.check = i;
        leave();
    }
    return NULL;
}

static bool whole(const struct route *r)
{
    return r->network == r->gateway && r->gateway == r->check &&
           (r->check == 0 || r->names[47] == 'a' + r->check);
}

static void *reader(void *by_call)
{
    struct route copy;
    enter();
    if (by_call)
        memcpy(&copy, &route, sizeof copy);
    else
        copy = route;
    leave();
    assert(whole(&copy));
    return NULL;
}

int main(int argc, char *argv[])
{
    (void)argv;
    pthread_t a, b;
    pthread_create(&a, NULL, writer, NULL);
    pthread_create(&b, NULL, reader, argc > 1 ? "call" : NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
