/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table is replaced while others read: the old one is retired when nobody reads, but that was tested before
 * the new one was put in its place.
 *
 * Class: read-copy-update
 * Finding: assertion
 * Correct: first the new one is put in its place, then the readers are waited for.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static struct table {
    atomic_bool retired;
} tables[2];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t read_ended = PTHREAD_COND_INITIALIZER;
static struct table *current = &tables[0];
static int reading;

static void *reader(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    reading++;
    struct table *table = current;
    pthread_mutex_unlock(&mutex);

    pthread_mutex_lock(&mutex);
    assert(!table->retired);
    reading--;
    pthread_cond_signal(&read_ended);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void wait_for_readers(void)
{
    pthread_mutex_lock(&mutex);
    while (reading > 0)
        pthread_cond_wait(&read_ended, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void *replacer(void *unused)
{
    (void)unused;
    if (!CORRECT)
        wait_for_readers();
    pthread_mutex_lock(&mutex);
    struct table *old = current;
    current = &tables[1];
    pthread_mutex_unlock(&mutex);
    if (CORRECT)
        wait_for_readers();
    old->retired = true;
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, reader, NULL);
    pthread_create(&b, NULL, replacer, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
