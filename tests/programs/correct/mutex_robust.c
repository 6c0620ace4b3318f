/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A robust mutex tells the next owner that the last one ended while it held it. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t mutex;
static int repaired, found_dead;

static void *dies_as_owner(void *unused)
{
    (void)unused;
    int result = pthread_mutex_lock(&mutex);
    assert(result == 0 || result == EOWNERDEAD);
    return NULL;
}

static void *next_owner(void *unused)
{
    (void)unused;
    int result = pthread_mutex_lock(&mutex);
    if (result == EOWNERDEAD) {
        found_dead++;
        repaired++;
        assert(pthread_mutex_consistent(&mutex) == 0);
    } else {
        assert(result == 0);
    }
    assert(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void init(void)
{
    pthread_mutexattr_t attributes;
    assert(pthread_mutexattr_init(&attributes) == 0);
    assert(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    assert(pthread_mutex_init(&mutex, &attributes) == 0);
    assert(pthread_mutexattr_destroy(&attributes) == 0);
}

static void *not_recoverable(void *unused)
{
    (void)unused;
    assert(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
    return NULL;
}

int main(void)
{
    pthread_t dead, next[2];

    init();
    assert(pthread_create(&dead, NULL, dies_as_owner, NULL) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_create(&next[i], NULL, next_owner, NULL) == 0);
    assert(pthread_join(dead, NULL) == 0);
    for (int i = 0; i < 2; i++)
        assert(pthread_join(next[i], NULL) == 0);
    /* The dead owner may have come before, between or after the other two; each death is met at most once. */
    assert(found_dead <= 1 && repaired == found_dead);
    int result = pthread_mutex_lock(&mutex);
    assert(result == (found_dead ? 0 : EOWNERDEAD));
    if (result == EOWNERDEAD)
        assert(pthread_mutex_consistent(&mutex) == 0);
    assert(pthread_mutex_unlock(&mutex) == 0);

    /* An owner that unlocks without repairing makes the mutex useless for ever. */
    assert(pthread_create(&dead, NULL, dies_as_owner, NULL) == 0);
    assert(pthread_join(dead, NULL) == 0);
    assert(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    assert(pthread_mutex_unlock(&mutex) == 0);
    assert(pthread_create(&dead, NULL, not_recoverable, NULL) == 0);
    assert(pthread_join(dead, NULL) == 0);
    assert(pthread_mutex_destroy(&mutex) == 0);
    return 0;
}
