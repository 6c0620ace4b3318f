/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutexes of the kinds normal, recursive and error-checking keep each other out and return POSIX's errors. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

enum { THREADS = 3, ROUNDS = 4 };

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_mutex_t checking;
static int inside[3], total;

static void visit(pthread_mutex_t *mutex, int *count)
{
    assert(pthread_mutex_lock(mutex) == 0);
    assert(++*count == 1);
    if (mutex == &normal)
        total++;
    assert(--*count == 0);
    assert(pthread_mutex_unlock(mutex) == 0);
}

static void *worker(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        visit(&normal, &inside[0]);
        assert(pthread_mutex_lock(&recursive) == 0);
        visit(&recursive, &inside[1]);
        assert(pthread_mutex_trylock(&recursive) == 0);
        assert(pthread_mutex_unlock(&recursive) == 0);
        assert(pthread_mutex_unlock(&recursive) == 0);
        visit(&checking, &inside[2]);
    }
    return NULL;
}

static void *not_the_owner(void *unused)
{
    (void)unused;
    assert(pthread_mutex_unlock(&checking) == EPERM);
    assert(pthread_mutex_unlock(&recursive) == EPERM);
    assert(pthread_mutex_trylock(&checking) == EBUSY);
    return NULL;
}

static void init(pthread_mutex_t *mutex, int kind)
{
    pthread_mutexattr_t attributes;
    int back;
    assert(pthread_mutexattr_init(&attributes) == 0);
    assert(pthread_mutexattr_settype(&attributes, kind) == 0);
    assert(pthread_mutexattr_gettype(&attributes, &back) == 0 && back == kind);
    assert(pthread_mutex_init(mutex, &attributes) == 0);
    assert(pthread_mutexattr_destroy(&attributes) == 0);
}

int main(void)
{
    pthread_t threads[THREADS], other;
    init(&recursive, PTHREAD_MUTEX_RECURSIVE);
    init(&checking, PTHREAD_MUTEX_ERRORCHECK);

    for (int i = 0; i < THREADS; i++)
        assert(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(total == THREADS * ROUNDS);

    assert(pthread_mutex_unlock(&checking) == EPERM);
    assert(pthread_mutex_lock(&checking) == 0);
    assert(pthread_mutex_lock(&checking) == EDEADLK);
    assert(pthread_mutex_lock(&recursive) == 0);
    assert(pthread_create(&other, NULL, not_the_owner, NULL) == 0);
    assert(pthread_join(other, NULL) == 0);
    assert(pthread_mutex_unlock(&recursive) == 0);
    assert(pthread_mutex_unlock(&checking) == 0);

    assert(pthread_mutex_destroy(&recursive) == 0);
    assert(pthread_mutex_destroy(&checking) == 0);
    return 0;
}
