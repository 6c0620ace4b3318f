/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thread is cancelled in a read() that nobody would have ended. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static int ends[2], cleaned;

static void clean(void *unused)
{
    (void)unused;
    cleaned = 1;
}

static void *reader(void *unused)
{
    (void)unused;
    char byte;
    pthread_cleanup_push(clean, NULL);
    assert(read(ends[0], &byte, 1) == 1);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    void *result;
    assert(pipe(ends) == 0);
    pthread_create(&thread, NULL, reader, NULL);
    usleep(1000);
    pthread_cancel(thread);
    pthread_join(thread, &result);
    /* Cancelled before it began, it has nothing to clean. */
    assert(result == PTHREAD_CANCELED && cleaned <= 1);
    return 0;
}
