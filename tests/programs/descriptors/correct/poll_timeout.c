/* SPDX-License-Identifier: GPL-2.0-or-later */
/* poll() of two pipes with a time-out of an hour, which costs nothing, and one of nothing at all. What it
 * returns agrees with what has happened. */
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#define HOUR_MS 3600000

static int a[2], b[2];

static void *write_to_b(void *unused)
{
    (void)unused;
    usleep(1000);
    assert(write(b[1], "b", 1) == 1);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    assert(pipe(a) == 0 && pipe(b) == 0);
    struct pollfd fds[2] = {{.fd = a[0], .events = POLLIN}, {.fd = b[0], .events = POLLIN}};
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert(poll(fds, 2, 50) == 0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    assert((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 50);

    pthread_create(&thread, NULL, write_to_b, NULL);
    int ready = poll(fds, 2, HOUR_MS);
    char byte;
    if (ready == 0) { /* an hour may pass before a thread runs */
        pthread_join(thread, NULL);
        assert(poll(fds, 2, 0) == 1);
    } else {
        pthread_join(thread, NULL);
        assert(ready == 1);
    }
    assert(fds[0].revents == 0 && fds[1].revents == POLLIN);
    assert(read(b[0], &byte, 1) == 1 && byte == 'b');
    close(a[1]);
    assert(poll(fds, 1, -1) == 1 && fds[0].revents == POLLHUP);
    return 0;
}
