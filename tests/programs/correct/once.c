/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pthread_once runs its routine once, and nobody goes on before it has ended, even when it sleeps. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_once_t inner_once = PTHREAD_ONCE_INIT;
static int inner, ready;

static void initialise_inner(void)
{
    inner++;
}

static void initialise(void)
{
    usleep(1000);
    assert(pthread_once(&inner_once, initialise_inner) == 0);
    ready++;
}

static void *worker(void *unused)
{
    (void)unused;
    assert(pthread_once(&once, initialise) == 0);
    assert(ready == 1 && inner == 1);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert(pthread_create(&threads[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < 3; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    worker(NULL);
    return 0;
}
