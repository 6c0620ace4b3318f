/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader misses in the cache, reads the store and fills the cache: a write and its invalidation fit between
 * read and fill, and the cache keeps the old value.
 *
 * Class: check-then-act
 * Finding: assertion
 * Correct: the fill is left out when there was an invalidation since the miss.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t store_lock = PTHREAD_MUTEX_INITIALIZER, cache_lock = PTHREAD_MUTEX_INITIALIZER;
static int stored = 1;
static int cached, invalidations;
static bool valid;

static void *reader(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&cache_lock);
    int before = invalidations;
    pthread_mutex_unlock(&cache_lock);

    pthread_mutex_lock(&store_lock);
    int value = stored;
    pthread_mutex_unlock(&store_lock);

    pthread_mutex_lock(&cache_lock);
    if (!CORRECT || invalidations == before) {
        cached = value;
        valid = true;
    }
    pthread_mutex_unlock(&cache_lock);
    return NULL;
}

static void *writer(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&store_lock);
    stored = 2;
    pthread_mutex_unlock(&store_lock);

    pthread_mutex_lock(&cache_lock);
    valid = false;
    invalidations++;
    pthread_mutex_unlock(&cache_lock);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, reader, NULL);
    pthread_create(&b, NULL, writer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    assert(!valid || cached == stored);
    return 0;
}
