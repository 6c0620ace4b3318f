/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An eventfd as a semaphore of two permits, and one as a counter that collects what was posted meanwhile. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/eventfd.h>

#define WORKERS 3

static int permits, finished;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int inside;

static void *work(void *unused)
{
    (void)unused;
    eventfd_t value;
    assert(eventfd_read(permits, &value) == 0 && value == 1);
    pthread_mutex_lock(&mutex);
    assert(++inside <= 2);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_lock(&mutex);
    inside--;
    pthread_mutex_unlock(&mutex);
    assert(eventfd_write(permits, 1) == 0);
    assert(eventfd_write(finished, 1) == 0);
    return NULL;
}

int main(void)
{
    pthread_t threads[WORKERS];
    permits = eventfd(2, EFD_SEMAPHORE);
    finished = eventfd(0, EFD_CLOEXEC);
    assert(permits >= 0 && finished >= 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (eventfd_t sum = 0, value; sum < WORKERS; sum += value)
        assert(eventfd_read(finished, &value) == 0);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
