/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-pipe trick: an event loop is woken for a queue by a byte in a non-blocking pipe, which may be full
 * of bytes that nobody has read. It empties the pipe first and the queue then. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define JOBS 4

static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int queued;

static void *submit(void *unused)
{
    (void)unused;
    for (int i = 0; i < JOBS / 2; i++) {
        pthread_mutex_lock(&mutex);
        queued++;
        pthread_mutex_unlock(&mutex);
        assert(write(ends[1], "w", 1) == 1 || errno == EAGAIN);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[2];
    assert(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, submit, NULL);
    for (int done = 0; done < JOBS;) {
        struct pollfd wake = {.fd = ends[0], .events = POLLIN};
        assert(poll(&wake, 1, -1) == 1);
        char bytes[16];
        while (read(ends[0], bytes, sizeof bytes) > 0)
            ;
        assert(errno == EAGAIN);
        pthread_mutex_lock(&mutex);
        done += queued;
        queued = 0;
        pthread_mutex_unlock(&mutex);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
