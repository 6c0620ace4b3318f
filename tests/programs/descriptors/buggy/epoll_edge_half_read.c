/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Edge-triggered epoll reports once: a reader that takes one byte for each event leaves the second of two
 * that came together. */
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BYTES 2

static int ends[2];

static void *feed(void *unused)
{
    (void)unused;
    for (int i = 0; i < BYTES; i++)
        if (write(ends[1], "x", 1) != 1)
            return &ends;
    return NULL;
}

int main(void)
{
    pthread_t thread;
    int epoll = epoll_create1(0);
    if (pipe2(ends, O_NONBLOCK) != 0)
        return 2;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
    pthread_create(&thread, NULL, feed, NULL);
    for (int got = 0; got < BYTES;) {
        char byte;
        epoll_wait(epoll, &event, 1, -1);
        got += read(ends[0], &byte, 1) == 1;
    }
    pthread_join(thread, NULL);
    return 0;
}
