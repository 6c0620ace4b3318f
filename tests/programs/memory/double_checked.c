/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Double-checked initialisation: the flag that spares others the lock is set before what it stands for.
 *
 * Correct: after it.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool ready;
static int table[4];

static void initialise(void)
{
    for (int i = 0; i < 4; i++)
        table[i] = i + 1;
}

static void *user(void *unused)
{
    (void)unused;
    if (!ready) {
        pthread_mutex_lock(&once);
        if (!ready) {
            if (!CORRECT)
                ready = true;
            initialise();
            ready = true;
        }
        pthread_mutex_unlock(&once);
    }
    assert(table[3] == 4);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    pthread_create(&a, NULL, user, NULL);
    pthread_create(&b, NULL, user, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
