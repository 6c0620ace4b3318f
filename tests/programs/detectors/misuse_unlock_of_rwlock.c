/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A thread unlocks a rwlock that others hold for reading.
 *
 * Finding: lock-misuse
 * Correct: it takes it first.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static void *unlock(void *unused)
{
    (void)unused;
    if (CORRECT)
        pthread_rwlock_rdlock(&lock);
    pthread_rwlock_unlock(&lock);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_rwlock_rdlock(&lock);
    pthread_create(&thread, NULL, unlock, NULL);
    pthread_join(thread, NULL);
    if (CORRECT)
        pthread_rwlock_unlock(&lock);
    return 0;
}
