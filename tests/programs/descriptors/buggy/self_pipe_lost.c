/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An event loop looks at its queue first and empties its pipe then: the byte for a job that came between goes
 * with the others, and the job stays. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define JOBS 2

static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int queued;

static void *submit(void *unused)
{
    (void)unused;
    for (int i = 0; i < JOBS; i++) {
        pthread_mutex_lock(&mutex);
        queued++;
        pthread_mutex_unlock(&mutex);
        if (write(ends[1], "w", 1) != 1 && errno != EAGAIN)
            return &ends;
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;
    if (pipe2(ends, O_NONBLOCK) != 0)
        return 2;
    pthread_create(&thread, NULL, submit, NULL);
    for (int done = 0; done < JOBS;) {
        struct pollfd wake = {.fd = ends[0], .events = POLLIN};
        poll(&wake, 1, -1);
        pthread_mutex_lock(&mutex);
        done += queued;
        queued = 0;
        pthread_mutex_unlock(&mutex);
        char bytes[16];
        while (read(ends[0], bytes, sizeof bytes) > 0)
            ;
    }
    pthread_join(thread, NULL);
    return 0;
}
