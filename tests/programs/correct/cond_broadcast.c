/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One broadcast lets all waiters go; each has the mutex for itself when its wait returns. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>

enum { WAITERS = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int open_gate, inside, through;

static void *waiter(void *unused)
{
    (void)unused;
    assert(pthread_mutex_lock(&mutex) == 0);
    while (!open_gate)
        assert(pthread_cond_wait(&opened, &mutex) == 0);
    assert(++inside == 1);
    through++;
    inside--;
    assert(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        assert(pthread_create(&threads[i], NULL, waiter, NULL) == 0);
    assert(pthread_mutex_lock(&mutex) == 0);
    open_gate = 1;
    assert(pthread_mutex_unlock(&mutex) == 0);
    /* Outside the mutex, as POSIX allows. */
    assert(pthread_cond_broadcast(&opened) == 0);
    for (int i = 0; i < WAITERS; i++)
        assert(pthread_join(threads[i], NULL) == 0);
    assert(through == WAITERS);
    assert(pthread_cond_destroy(&opened) == 0);
    return 0;
}
