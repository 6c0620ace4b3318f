/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two threads each hold one rwlock for reading and want the other for writing: a deadlock of two.
 *
 * Class: ABBA
 * Finding: deadlock
 * Detected: lock-order
 * Correct: both take the routes first.
 */
#include <pthread.h>
#include <stddef.h>

static pthread_rwlock_t routes = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t devices = PTHREAD_RWLOCK_INITIALIZER;

static void *route_change(void *unused)
{
    (void)unused;
    if (CORRECT) {
        pthread_rwlock_wrlock(&routes);
        pthread_rwlock_rdlock(&devices);
    } else {
        pthread_rwlock_rdlock(&devices);
        pthread_rwlock_wrlock(&routes);
    }
    pthread_rwlock_unlock(&routes);
    pthread_rwlock_unlock(&devices);
    return NULL;
}

static void *device_change(void *unused)
{
    (void)unused;
    pthread_rwlock_rdlock(&routes);
    pthread_rwlock_wrlock(&devices);
    pthread_rwlock_unlock(&devices);
    pthread_rwlock_unlock(&routes);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, route_change, NULL);
    pthread_create(&b, NULL, device_change, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
