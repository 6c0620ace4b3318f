/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hand-made "once" says that it is done when it begins: a second caller goes on before the first is
 * through.
 *
 * Class: lazy initialisation
 * Finding: assertion
 * Correct: the lock is held until it is done.
 */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t once_lock = PTHREAD_MUTEX_INITIALIZER;
static bool begun;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static int entries;

static void fill_table(void)
{
    pthread_mutex_lock(&table_lock);
    entries = 3;
    pthread_mutex_unlock(&table_lock);
}

static void fill_table_once(void)
{
    pthread_mutex_lock(&once_lock);
    bool first = !begun;
    begun = true;
    if (!CORRECT)
        pthread_mutex_unlock(&once_lock);
    if (first)
        fill_table();
    if (CORRECT)
        pthread_mutex_unlock(&once_lock);
}

static void *user(void *unused)
{
    (void)unused;
    fill_table_once();
    pthread_mutex_lock(&table_lock);
    assert(entries == 3);
    pthread_mutex_unlock(&table_lock);
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, user, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
