/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Level-triggered epoll over a pipe and an eventfd: what is not read is reported again. */
#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BYTES 3

static int ends[2], stop;

static void *feed(void *unused)
{
    (void)unused;
    for (int i = 0; i < BYTES; i++)
        assert(write(ends[1], "x", 1) == 1);
    assert(eventfd_write(stop, 1) == 0);
    return NULL;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    assert(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

int main(void)
{
    pthread_t thread;
    int epoll = epoll_create1(0), got = 0, stopped = 0;
    stop = eventfd(0, 0);
    assert(epoll >= 0 && stop >= 0 && pipe(ends) == 0);
    watch(epoll, ends[0]);
    watch(epoll, stop);
    pthread_create(&thread, NULL, feed, NULL);
    while (got < BYTES || !stopped) {
        struct epoll_event events[2];
        int ready = epoll_wait(epoll, events, 2, -1);
        assert(ready >= 1);
        for (int i = 0; i < ready; i++) {
            char byte;
            eventfd_t value;
            if (events[i].data.fd == stop)
                stopped |= eventfd_read(stop, &value) == 0;
            else
                got += read(ends[0], &byte, 1) == 1;
        }
    }
    assert(epoll_wait(epoll, &(struct epoll_event){0}, 1, 20) == 0);
    pthread_join(thread, NULL);
    return 0;
}
